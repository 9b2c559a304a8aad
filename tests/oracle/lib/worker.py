"""A worker process of the suite (pool.py): reads requests on stdin, answers on stdout. python -m lib.worker KIND"""
import os
import sys
import traceback

from .frames import receive, send


def first_line(error):
    """TensorFlow's own message rather than where it was noticed, in one line."""
    lines = [l.strip() for l in str(error).strip().splitlines() if l.strip()]
    dull = ("Graph execution error", "Detected at node", "Node: ", "<stack traces", "File ", "Original stack trace", "Original error", "[[",
            "Restoring from checkpoint failed")
    telling = [l for l in lines if not l.startswith(dull)] or lines
    return (type(error).__name__ + ": " + (telling[0] if telling else ""))[:400]


def handlers(kind):
    if kind == "cpp":
        from . import capi
        return {"run": capi.run}
    if kind == "lite":
        from . import lite
        return {"run": lite.run}
    from . import describe, grappler, loaders, noise, quiet, side_loaders
    return {"run": loaders.run, "describe": describe.describe, "noisy_copy": noise.noisy_copy, "quiet_copy": quiet.quiet_copy,
            "accuracy": loaders.accuracy, "grappler": grappler.grappler, "count": grappler.count_result,
            "static": describe.static, "side": side_loaders.run}


def main():
    # Whatever a library prints must not end up between the messages.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    known = handlers(sys.argv[1])
    while True:
        try:
            request = dict(receive(sys.stdin.buffer))
        except EOFError:
            return
        try:
            answer = known[request.pop("do")](**request)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": first_line(error)}
        send(answers, answer)


if __name__ == "__main__":
    main()
