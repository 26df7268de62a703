"""What source says: symbols, blocks, the merge of one file, and the checks on it. No repository, no
work tree.
"""
