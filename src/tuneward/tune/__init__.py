"""tune: fine-tune with defences that compose, watched while it trains."""
