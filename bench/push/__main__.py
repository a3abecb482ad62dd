"""python -m bench.push [--sockets 500,2000,5000] [--rounds 3]: this benchmark alone."""

import argparse

from bench import push, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.push")
    parser.add_argument("--sockets", default=",".join(map(str, push.SOCKETS)), help="how many, with commas between")
    parser.add_argument("--rounds", type=int, default=push.ROUNDS)
    wanted = parser.parse_args()
    print(table.machine())
    print(push.run([int(each) for each in wanted.sockets.split(",")], wanted.rounds))


if __name__ == "__main__":
    main()
