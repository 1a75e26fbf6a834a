"""How good the answers are: metrics, and base against tuned on instances that were never trained on."""
