/// The JSON Schema (draft 2020-12) of an alert, so that the program can print it wherever it runs.
public enum AlertSchema {
    /// The text of `Schemas/alert.schema.json`, byte for byte; a test keeps the two equal.
    public static let text = #"""
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema",
          "$id": "urn:lastseen:schema:alert:1",
          "title": "Lastseen alert",
          "description": "One alert: the findings on one suspect session (or device) of one user, as one thing to look at. Feeds hold one alert a line (NDJSON). An alert keeps its id for life; a line with a known id and a higher revision replaces the earlier one. Every key listed here is always present. Later versions may add keys, so readers pass over those they do not know; the meaning of a key never changes.",
          "type": "object",
          "required": ["id", "revision", "status", "time", "tenant", "user", "session", "device", "place", "network", "risk", "severity", "title", "summary", "findings", "recommendations", "actions", "rung", "settled_early"],
          "properties": {
            "id": {
              "description": "Stable for the life of the alert, and the same in every run over the same records.",
              "type": "string",
              "pattern": "^a-[0-9a-f]{16}$"
            },
            "revision": {
              "description": "From 1; each change that matters to a reader adds one.",
              "type": "integer",
              "minimum": 1
            },
            "status": {
              "description": "open: as first found. amended: changed since, by further findings or by records that came late. retracted: it no longer holds, and nothing need be done about it. closed: it was right to be raised, and what came later explains it or the steps that it asked for were taken (the summary begins with how); it may be amended again. confirmed: a person said that it was an intruder. dismissed: a person said that it was the user. silenced: its risk is below the bar that was set (the summary begins with which); in the state only, never in a feed.",
              "enum": ["open", "amended", "retracted", "silenced", "closed", "confirmed", "dismissed"]
            },
            "time": {
              "description": "When the newest finding happened, by the records' own time.",
              "$ref": "#/$defs/time"
            },
            "tenant": {
              "description": "The organisation that the user belongs to; empty when the records name none.",
              "type": "string"
            },
            "user": {
              "description": "Whose account it is.",
              "type": "object",
              "required": ["id", "name"],
              "properties": {
                "id": { "description": "As the records have it; empty where the alert is about a network or the like.", "type": "string" },
                "name": { "description": "A name or mail address for a person; empty when unknown.", "type": "string" }
              }
            },
            "session": {
              "description": "The suspect's session: the one to log out of.",
              "type": "object",
              "required": ["id", "others"],
              "properties": {
                "id": { "description": "Empty when the records name no session.", "type": "string" },
                "others": {
                  "description": "Further sessions of the same suspect.",
                  "type": "array",
                  "items": { "type": "string" },
                  "maxItems": 8
                }
              }
            },
            "device": {
              "description": "The suspect's device.",
              "type": "object",
              "required": ["id", "label"],
              "properties": {
                "id": { "description": "Empty when the records name no device.", "type": "string" },
                "label": { "description": "For a person, as 'Chrome on Windows'; 'Unknown' when it is.", "type": "string" }
              }
            },
            "place": {
              "description": "Where the suspect's address is, by the GeoIP database.",
              "type": "object",
              "required": ["city", "region", "country", "latitude", "longitude", "radius_km"],
              "properties": {
                "city": { "description": "English; empty when unknown.", "type": "string" },
                "region": { "description": "English name or code of the subdivision; empty when unknown.", "type": "string" },
                "country": { "description": "ISO 3166-1 alpha-2; empty when unknown.", "type": "string", "pattern": "^([A-Z]{2})?$" },
                "latitude": { "description": "Degrees north, WGS 84, with four decimals; null when unknown.", "type": ["number", "null"], "minimum": -90, "maximum": 90 },
                "longitude": { "description": "Degrees east, WGS 84, with four decimals; null when unknown.", "type": ["number", "null"], "minimum": -180, "maximum": 180 },
                "radius_km": { "description": "Radius, in kilometres, of the circle that probably holds the true place; null when unknown.", "type": ["integer", "null"], "minimum": 0 }
              }
            },
            "network": {
              "description": "The suspect's network.",
              "type": "object",
              "required": ["address", "asn", "organization", "kind"],
              "properties": {
                "address": { "description": "IPv4 or IPv6 address; empty when the record had none.", "type": "string" },
                "asn": { "description": "Autonomous system number; null when unknown.", "type": ["integer", "null"], "minimum": 1, "maximum": 4294967295 },
                "organization": { "description": "Who runs the network; empty when unknown.", "type": "string" },
                "kind": {
                  "description": "What kind of network it is. Behind vpn, tor, proxy, relay, satellite, shared_egress and special_purpose the place says little about where the person is.",
                  "enum": ["unknown", "residential", "mobile", "corporate", "hosting", "vpn", "tor", "proxy", "relay", "satellite", "shared_egress", "special_purpose"]
                }
              }
            },
            "risk": {
              "description": "How likely it is that the account is in other hands, by the findings as independent evidence. From 0 through 100.",
              "type": "integer",
              "minimum": 0,
              "maximum": 100
            },
            "severity": { "description": "From the risk: critical from 90, high from 70, medium from 40, low from 20.", "$ref": "#/$defs/severity" },
            "title": { "description": "What happened, in a few words.", "type": "string" },
            "summary": { "description": "What happened, in one or two sentences for a person.", "type": "string" },
            "findings": {
              "description": "The reasons: each a rule met by one sighting.",
              "type": "array",
              "items": {
                "type": "object",
                "required": ["rule", "severity", "confidence", "time", "records", "evidence", "silenced_by", "sentence"],
                "properties": {
                  "rule": { "description": "The rule's id, as 'impossible-travel'.", "type": "string", "minLength": 1 },
                  "severity": { "description": "The rule's.", "$ref": "#/$defs/severity" },
                  "confidence": {
                    "description": "How sure the finding is, the uncertainty of places and clocks counted in.",
                    "enum": ["possible", "likely", "certain"]
                  },
                  "time": { "description": "When it happened, by the records' own time.", "$ref": "#/$defs/time" },
                  "records": {
                    "description": "Ids of the records that made it, the deciding one last.",
                    "type": "array",
                    "items": { "type": "string" }
                  },
                  "evidence": {
                    "description": "The numbers and words that made it, in the order in which a person wants to read them. The unit is in the name: _km, _kmh, _s, _minutes, _days; _lat and _lon are degrees. A number has one decimal (degrees four), a count none; null where no number can be given; a time is RFC 3339.",
                    "type": "object",
                    "propertyNames": { "minLength": 1 },
                    "additionalProperties": { "type": ["number", "string", "boolean", "null"] }
                  },
                  "silenced_by": { "description": "Which setting would have silenced it, with the value that would: 'speed_limit_kmh >= 5400'.", "type": "string" },
                  "sentence": { "description": "The finding in one sentence for a person.", "type": "string" }
                }
              }
            },
            "recommendations": {
              "description": "The steps for a person, in order.",
              "type": "array",
              "items": {
                "type": "object",
                "required": ["step", "text", "reason"],
                "properties": {
                  "step": { "description": "From 1.", "type": "integer", "minimum": 1 },
                  "text": { "description": "What to do, fit to be pasted into a ticket.", "type": "string", "minLength": 1 },
                  "reason": { "description": "Why it should be done.", "type": "string" }
                }
              }
            },
            "actions": {
              "description": "The steps that Lastseen itself plans to take or has taken.",
              "type": "array",
              "items": {
                "type": "object",
                "required": ["id", "kind", "target", "state"],
                "properties": {
                  "id": { "description": "Also the idempotency key that the target gets.", "type": "string", "minLength": 1 },
                  "kind": { "description": "What is done.", "$ref": "#/$defs/rung" },
                  "target": { "description": "What it is done to, as 'session s1' or 'user u1'.", "type": "string" },
                  "connector": { "description": "Where it is done, by the connector's name. Absent where that is not said.", "type": "string", "minLength": 1 },
                  "state": { "description": "How far it is: dry-run (only said, not done), planned, done, failed and the like.", "type": "string", "minLength": 1 }
                }
              }
            },
            "rung": { "description": "The strongest response that the rules behind the alert ask for. What is done depends on the policy.", "$ref": "#/$defs/rung" },
            "settled_early": {
              "description": "True when a very busy user's records had to be settled before the lateness window was over: a late record can no longer amend this alert.",
              "type": "boolean"
            }
          },
          "$defs": {
            "time": {
              "description": "RFC 3339 in UTC with milliseconds.",
              "type": "string",
              "format": "date-time",
              "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$"
            },
            "severity": {
              "description": "Mildest first.",
              "enum": ["informational", "low", "medium", "high", "critical"]
            },
            "rung": {
              "description": "A rung of the ladder of responses, mildest first.",
              "enum": ["notify", "require-step-up", "log-out-session", "log-out-other-sessions", "log-out-everywhere", "require-password-change", "suspend"]
            }
          }
        }

        """#
}
