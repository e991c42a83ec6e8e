"""What is committed and made by the project itself."""
