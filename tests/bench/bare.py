"""The baseline: a minimal Flask view with one insert into MongoDB."""

import os

from flask import Flask, Response, request
from pymongo import MongoClient

app = Flask(__name__)
client: MongoClient[dict[str, str]] = MongoClient(os.environ["MONGODB_URI"], w="majority", journal=True)
collection = client.get_default_database().bare


@app.get("/healthz")
def healthz() -> Response:
    return Response("alive")


@app.post("/")
def insert() -> Response:
    collection.insert_one({"text": request.form["text"]})
    return Response("inserted")
