"""Loads an exported config.yaml into LiteLLM's own router and watches it fail over: `litellm_router.py CONFIG`.

Runs in an environment of its own, with litellm and nothing of Purser. Every deployment is sent to a server on this
machine, which knows them apart by their path and fails for those that it is told to. Prints OK, or what went wrong.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import litellm
import yaml

DOWN: set[str] = set()
ASKED: list[str] = []


class Upstream(BaseHTTPRequestHandler):
    """Answers a chat completion as the deployment whose number begins the path."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        who = self.path.split("/")[1]
        ASKED.append(who)
        failed = who in DOWN
        message = {"role": "assistant", "content": who}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        answer["usage"] = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        body = json.dumps({"error": {"message": "down"}} if failed else answer).encode()
        self.send_response(500 if failed else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads along."""


def main(config: str) -> int:
    document = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    groups: dict[str, dict[int, list[str]]] = {}
    for number, entry in enumerate(document["model_list"]):
        params = entry["litellm_params"]
        assert params["api_key"].startswith("os.environ/"), "a secret in the file"
        params |= {
            "api_key": "sk-none",
            "api_base": f"http://127.0.0.1:{server.server_port}/{number}",
            "max_retries": 0,
        }
        groups.setdefault(entry["model_name"], {}).setdefault(params["order"], []).append(str(number))
    wrong = [words for name, orders in groups.items() for words in fails_over(document, name, orders)]
    print("\n".join(wrong) or f"OK: {len(groups)} routes fail over in the order of the file")
    return bool(wrong)


def fails_over(document: dict, name: str, orders: dict[int, list[str]]) -> list[str]:
    """Tier by tier down: each time the next one answers, and no later one was asked."""
    wrong: list[str] = []
    DOWN.clear()
    for order in sorted(orders):
        # A router of its own for each step: cooldowns of the last one say nothing here.
        settings = {**document["router_settings"], "cooldown_time": 0}
        router = litellm.Router(model_list=document["model_list"], **settings)
        ASKED.clear()
        try:
            answered = router.completion(model=name, messages=[{"role": "user", "content": "?"}])
            who = answered.choices[0].message.content
        except Exception as error:  # whatever it is, it is what is reported
            who = f"{type(error).__name__}"
        if who not in orders[order]:
            wrong.append(f"{name}: with {sorted(DOWN)} down, {orders[order]} should answer; {who} did, asked {ASKED}")
        DOWN.update(orders[order])
    return wrong


if __name__ == "__main__":
    litellm.suppress_debug_info = True
    sys.exit(main(sys.argv[1]))
