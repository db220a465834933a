-- wrk script: a request of MODE, random where it is. PEER is plenary or pocketbase; SLUGS, SPEAKERS and
-- PARTNERS are files of names, TOKEN is what writers log in with.
local mode, peer = os.getenv("MODE"), os.getenv("PEER") or "plenary"
local function lines(name)
  local list = {}
  if os.getenv(name) then for line in io.lines(os.getenv(name)) do list[#list + 1] = line end end
  return list
end
-- A part of the vocabulary of the generator.
local words = {}
for word in ("policy dialogue europe social media security recruitment radical counter narrative council union member state digital climate energy " ..
  "trade health migration budget enlargement parliament commission citizens rights freedom expression data protection local government community " ..
  "leader private sector authority strategy challenge phenomenon response balance credible resilient foreign platform emerging issue liberty growth"):gmatch("%S+") do
  words[#words + 1] = word
end
local slugs, speakers, partners = lines("SLUGS"), lines("SPEAKERS"), lines("PARTNERS")
local types = { "policy-dialogue", "briefing", "conference", "roundtable" }
math.randomseed(os.time())
local function any(list) return list[math.random(#list)] end
local function escape(text) return (text:gsub("[^%w%-_%.~]", function(c) return string.format("%%%02X", c:byte()) end)) end

-- What PocketBase is asked for: of speakers and partners their names.
local few = os.getenv("FEW")
local whole = "&include=speakers,partners"
local function filter()
  return string.format("/api/v1/events?limit=20&offset=%d&sort=-starts_at&type=%s&starts_at%%5Bgte%%5D=%d-%02d-01T00:00:00Z",
    20 * math.random(0, 4), any(types), math.random(2005, 2019), math.random(12))
end

-- A minute of fifteen years, so that practically no page was asked for before.
local function filter_anew()
  return string.format("/api/v1/events?limit=20&offset=%d&sort=starts_at&type=%s&starts_at%%5Bgte%%5D=%d-%02d-%02dT%02d:%02d:00Z",
    20 * math.random(0, 4), any(types), math.random(2005, 2019), math.random(12), math.random(28), math.random(0, 23), math.random(0, 59))
end

-- Never asked for before, though it always means the same.
local function anew()
  return string.format("&starts_at%%5Blt%%5D=2099-01-01T00:00:%02d.%06dZ", math.random(0, 59), math.random(0, 999999))
end

local plenary = {
  first = function() return "/api/v1/events?limit=20" .. whole .. anew() end,
  deep = function() return "/api/v1/events?limit=20" .. whole .. anew() .. os.getenv("CURSOR") end,
  searchanew = function() return "/api/v1/events?limit=20&q=" .. any(words) .. whole .. anew() end,
  one = function() return "/api/v1/events/" .. any(slugs) .. "?include=speakers,partners" end,
  onesame = function() return "/api/v1/events/" .. any(slugs) .. "?" .. os.getenv("RECORD") end,
  newest = function() return "/api/v1/events?limit=20" .. whole end,
  layout = function() return "/api/v1/layout?locale=en" end,
  path = function() return "/api/v1/pages/by-path/" .. os.getenv("PAGE") end,
  names = function() return "/api/v1/events?limit=20" .. few end,
  filternames = function() return filter() .. few end,
  filteranew = function() return filter_anew() .. few end,
  searchnames = function() return "/api/v1/events?limit=20&q=" .. any(words) .. few end,
  speaker = function() return "/api/v1/events?limit=20&speaker=" .. any(speakers) .. whole end,
  filter = function() return filter() .. whole end,
  search = function() return "/api/v1/events?limit=20&q=" .. any(words) .. whole end,
  search2 = function() return "/api/v1/events?limit=20&q=" .. any(words) .. "+" .. any(words) .. "+-" .. any(words) .. whole end,
}
plenary.unmodified = plenary.newest
local expand = "&expand=speakers,partners"
local fields = "&fields=id,title,slug,type,summary,starts_at,expand.speakers.name,expand.speakers.slug,expand.partners.name"
local records = "/api/collections/events/records"
local pocketbase = {
  one = function() return records .. "?skipTotal=1&perPage=1&filter=" .. escape('slug="' .. any(slugs) .. '" && status="published"') .. expand end,
  newest = function() return records .. "?skipTotal=1&perPage=20&sort=-starts_at&filter=" .. escape('status="published"') .. expand .. fields end,
  filter = function()
    local test = string.format('status="published" && type="%s" && starts_at>="%d-%02d-01 00:00:00.000Z"', any(types), math.random(2005, 2019), math.random(12))
    return records .. "?skipTotal=1&perPage=20&page=" .. math.random(5) .. "&sort=-starts_at&filter=" .. escape(test) .. expand .. fields
  end,
}

pocketbase.search = function()
  return records .. "?skipTotal=1&perPage=20&filter=" .. escape(string.format('status="published" && (title~"%s" || body~"%s")', any(words), any(words))) .. expand .. fields
end

local count, run = 0, os.time() .. "-" .. math.random(1000000)
local function create()
  count = count + 1
  local title = "Load " .. run .. " " .. count
  if peer == "plenary" then
    local body = string.format('{"title":"%s","type":"%s","summary":"Written under load.","body":"<p>Twelve words that stand for a body of the usual kind, twice.</p>","starts_at":"2027-03-04T09:30","ends_at":"2027-03-04T11:30","time_zone":"Europe/Brussels","status":"published","speakers":[{"speaker":"%s"},{"speaker":"%s"},{"speaker":"%s"}],"partners":[{"partner":"%s"},{"partner":"%s"}]}',
      title, any(types), speakers[math.random(1, 600)], speakers[math.random(601, 1200)], speakers[math.random(1201, 2000)], partners[math.random(1, 100)], partners[math.random(101, 200)])
    return wrk.format("POST", "/api/v1/events", { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. os.getenv("TOKEN") }, body)
  end
  local body = string.format('{"title":"%s","slug":"%s","type":"%s","summary":"Written under load.","body":"<p>Twelve words that stand for a body of the usual kind, twice.</p>","starts_at":"2027-03-04 09:30:00.000Z","ends_at":"2027-03-04 11:30:00.000Z","timezone":"Europe/Brussels","status":"published","location":"Brussels","speakers":["%s","%s","%s"],"partners":["%s","%s"]}',
    title, title:lower():gsub(" ", "-"), any(types), speakers[math.random(1, 600)], speakers[math.random(601, 1200)], speakers[math.random(1201, 2000)], partners[math.random(1, 100)], partners[math.random(101, 200)])
  return wrk.format("POST", records, { ["Content-Type"] = "application/json", ["Authorization"] = os.getenv("TOKEN") }, body)
end

-- Each event once, since its version is 1 before.
local function change()
  count = count + 1
  local headers = { ["Content-Type"] = "application/json", ["If-Match"] = '"v1"', ["Authorization"] = "Bearer " .. os.getenv("TOKEN") }
  return wrk.format("PATCH", "/api/v1/events/" .. slugs[(count * 7919) % #slugs + 1], headers, string.format('{"title":"Changed %s %d"}', run, count))
end

request = function()
  if mode == "create" then return create() end
  if mode == "change" then return change() end
  local headers = os.getenv("TAG") and { ["If-None-Match"] = os.getenv("TAG") } or nil
  if peer == "reference" then return wrk.format("GET", "/", headers) end
  return wrk.format("GET", (peer == "plenary" and plenary or pocketbase)[mode](), headers)
end

-- Writers that keep to a pace: milliseconds between two requests of a connection, on average, so that those
-- that began together do not go on together.
if os.getenv("PAUSE") then delay = function() return math.random(0, 2 * tonumber(os.getenv("PAUSE"))) end end

done = function(summary, latency)
  io.write(string.format("RESULT %.0f %.3f %.3f %d\n", summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
