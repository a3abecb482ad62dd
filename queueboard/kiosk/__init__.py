"""The kiosk: a machine on site at which patients check in and register (R4.1), one question per screen.

models: which there are. access: who may use one. flow: what whoever stands there has answered so far. reading: what
a scan or typed words name. people: whose they are, within limits. visits: what they came for, and where that stands.
"""
