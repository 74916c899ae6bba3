"""The floor: the least that a Flask view with one insert into MongoDB costs."""

import os

from flask import Flask, Response, request
from pymongo import MongoClient

app = Flask(__name__)
collection = MongoClient(os.environ["MONGODB_URI"], w="majority", journal=True).get_default_database().bare


@app.get("/healthz")
def healthz() -> Response:
    return Response("alive")


@app.post("/")
def insert() -> Response:
    collection.insert_one({"text": request.form["text"]})
    return Response("inserted")
