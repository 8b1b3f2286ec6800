"""What the service answers, a file an endpoint. Law: HTTP only; what a request does stands elsewhere."""
