"""What no login guards: the answer page and the webhook for bounces."""
