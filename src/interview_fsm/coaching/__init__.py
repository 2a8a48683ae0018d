"""What an interviewer knows without a model."""
