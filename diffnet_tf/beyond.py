"""What goes beyond the paper: each question with its goal, and what the records say. NumPy only.

The verdicts are those of `claims`; here "reproduced" reads as "holds", and the value beside ours is a goal, not the
paper's.
"""

from diffnet_tf.claims import Claim

CLAIMS: tuple[Claim, ...] = ()
