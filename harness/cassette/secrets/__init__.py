"""What is never written: redaction, leak scan, audit."""
