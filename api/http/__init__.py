"""What a call goes through before and after its handler."""
