"""The forms of the sign-in library that the portal words itself, by their names there."""

OF_ACCOUNT = {
    "reauthenticate": "accounts_review.web.signin.login.PasswordAnew",
    "change_password": "accounts_review.web.signin.login.ChangeForm",
    "reset_password": "accounts_review.web.signin.login.ResetForm",
    "reset_password_from_key": "accounts_review.web.signin.login.ChooseForm",
}
OF_FACTORS = {
    "authenticate": "accounts_review.web.signin.factor_forms.SecondStep",
    "reauthenticate": "accounts_review.web.signin.factor_forms.Anew",
    "activate_totp": "accounts_review.web.signin.factor_forms.SetUpApp",
    "add_webauthn": "accounts_review.web.signin.factor_forms.AddKey",
    "edit_webauthn": "accounts_review.web.signin.factor_forms.RenameKey",
}
