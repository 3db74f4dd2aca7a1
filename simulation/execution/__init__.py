"""Where simulations run: engines that give an executor."""
