"""The latent space, live: a page in the browser on which structures are picked, morphed, turned, simulated and found.

What the page knows (`atlas`, `state`, `edits`, `finding`, `saving`, `simulations`) is plain Python; what draws it is a
thin Bokeh server (`server`, `page` and the views).
"""
