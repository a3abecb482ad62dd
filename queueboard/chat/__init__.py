"""The queue in a chat: what somebody writes is answered with words, whatever the chat system (docs/wechat.md)."""
