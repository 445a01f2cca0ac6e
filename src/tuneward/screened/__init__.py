"""What a screen leaves behind, as the verbs and outputs after it read it."""
