"""What tests share: servers, doubles, pictures, weights."""
