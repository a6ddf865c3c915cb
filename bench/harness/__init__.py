"""What `./dev bench` is made of. Each module measures one thing; run.py puts them together."""
