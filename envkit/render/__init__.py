"""Results, diagnoses and plans as people and machines read them; one file a format. Nothing is decided here."""
