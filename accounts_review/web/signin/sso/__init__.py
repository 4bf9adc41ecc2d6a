"""Single sign-on by OpenID Connect: allauth does the protocol; what it leaves open is closed here."""
