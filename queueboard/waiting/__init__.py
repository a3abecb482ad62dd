"""Waiting times (R5): how long until a patient is called, when to come, and what a screen shows of it. Pure.

`lengths` learns from past sessions how long a visit takes, `pace` says how today differs, `coming` who may still come
and where the rules put them, `times` adds it all up, `steady` keeps what is shown from moving for no reason, `leaving`
says when to set out. The constants were fitted on real sessions (docs/prediction.md); nothing here is drawn at random.
"""

from queueboard.waiting.times import predict

__all__ = ["predict"]
