"""The official Python client of the Model Context Protocol, at a server with demo content: reads as a visitor, then writes
a draft as an editor. Arguments: the address of the endpoint, an API key, and how the client finds the revision."""

import asyncio
import json
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


def parsed(result):
    assert not result.is_error, result
    return json.loads(result.content[0].text)


async def as_visitor(url, mode):
    async with Client(url, mode=mode) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert names == ["search", "list", "get", "calendar", "changes"], names
        found = parsed(await client.call_tool("list", {"collection": "events", "limit": 2}))
        assert len(found["data"]) == 2
        event = parsed(await client.call_tool("get", {"collection": "events", "id": "rivers-without-borders"}))
        assert event["slug"] == "rivers-without-borders"
        refused = await client.call_tool("get", {"collection": "events", "id": "nothing"})
        assert refused.is_error and json.loads(refused.content[0].text)["status"] == 404
        assert len(parsed(await client.call_tool("changes", {"limit": 5}))["data"]) == 5
        calendar = await client.call_tool("calendar", {"id": "rivers-without-borders"})
        assert calendar.content[0].text.startswith("BEGIN:VCALENDAR")


async def as_editor(url, mode, key):
    headers = {"authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            assert len((await client.list_tools()).tools) == 10
            content = {"title": f"Made by Python, {mode}"}
            made = parsed(await client.call_tool("draft", {"collection": "events", "content": content}))
            assert made["status"] == "draft"
            item = {"collection": "events", "id": made["id"]}
            change = {**item, "version": made["version"], "patch": {"kicker": "Talk"}}
            changed = parsed(await client.call_tool("update", change))
            assert changed["kicker"] == "Talk"
            stale = await client.call_tool("update", {**change, "patch": {"kicker": "Walk"}})
            assert stale.is_error and json.loads(stale.content[0].text)["current"]["version"] == changed["version"]
            submitted = parsed(await client.call_tool("submit", {**item, "version": changed["version"]}))
            assert submitted["status"] == "in_review"


async def main():
    url, key, mode = sys.argv[1:]
    await as_visitor(url, mode)
    await as_editor(url, mode, key)
    print(f"{mode}: done")


asyncio.run(main())
