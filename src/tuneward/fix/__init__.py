"""Fix: audit → search → repair → audit, in one command; stands above the verbs and drives them."""
