"""Turn recalled memories into prompt text: quoting, rendering, budgets and the prompt builder."""
