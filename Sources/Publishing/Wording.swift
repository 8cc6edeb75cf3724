import SessionModel

/// Numbers, times and evidence in the words of a person. What comes out may still hold text of an
/// attacker's: each form escapes it its own way.
package enum Wording {
    /// `5,421`.
    package static func count(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var out = value < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { out += "," }
            out.append(digit)
        }
        return out
    }

    /// One decimal below 100 when there is one, none above; `–` for what is no number.
    package static func number(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        guard value.magnitude < 1e15 else { return "\(value)" }
        let tenths = Int((value * 10).rounded())
        if value.magnitude >= 100 || tenths % 10 == 0 { return count(Int(value.rounded())) }
        return "\(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
    }

    /// `45 s`, `42 min`, `1 h 24 min`, `3 days 4 h`.
    package static func duration(seconds: Double) -> String {
        guard seconds.isFinite, seconds.magnitude < 1e12 else { return number(seconds) + " s" }
        guard seconds >= 0 else { return "-" + duration(seconds: -seconds) }
        if seconds < 120 { return number(seconds) + " s" }
        let minutes = Int((seconds / 60).rounded())
        if minutes < 120 { return "\(minutes) min" }
        if minutes < 48 * 60 {
            return minutes % 60 == 0
                ? "\(minutes / 60) h" : "\(minutes / 60) h \(minutes % 60) min"
        }
        let hours = (minutes + 30) / 60
        return hours % 24 == 0
            ? "\(count(hours / 24)) days" : "\(count(hours / 24)) days \(hours % 24) h"
    }

    /// How long ago, as account pages say it: `less than an hour ago`, `3 hours ago`, `5 days ago`.
    static func ago(_ time: Timestamp, now: Timestamp) -> String {
        let minutes = now.since(time) / 60_000
        // A record's clock may be ahead of ours: still "just now" to a person.
        if minutes < 60 { return "less than an hour ago" }
        let hours = minutes / 60
        if hours < 24 { return hours == 1 ? "1 hour ago" : "\(hours) hours ago" }
        let days = hours / 24
        if days < 60 { return days == 1 ? "1 day ago" : "\(days) days ago" }
        if days < 730 { return "\(days / 30) months ago" }
        return "\(count(Int(days / 365))) years ago"
    }

    static func plural(_ count: Int, _ one: String, _ many: String? = nil) -> String {
        "\(self.count(count)) \(count == 1 ? one : many ?? one + "s")"
    }

    static func date(_ time: Timestamp) -> String { String(time.rfc3339.prefix(10)) }

    package static func capitalized(_ text: String) -> String {
        guard let first = text.first, first.isASCII else { return text }
        return first.uppercased() + text.dropFirst()
    }

    /// `impossible-travel` as `Impossible travel`.
    static func rule(_ id: String) -> String {
        capitalized(String(id.map { $0 == "-" || $0 == "_" ? " " : $0 }))
    }

    /// A rung's name as what it does: `log out the session`.
    static func rung(_ name: String) -> String {
        switch Rung(name: name) {
        case .notify: "notify"
        case .stepUp: "ask for a second factor"
        case .logOutSession: "log out the session"
        case .logOutOthers: "log out all other sessions"
        case .logOutEverywhere: "log out everywhere"
        case .requirePasswordChange: "require a password change"
        case .suspend: "suspend the account"
        case nil: name
        }
    }

    static func networkKind(_ kind: NetworkKind) -> String {
        switch kind {
        case .unknown: ""
        case .vpn: "VPN"
        case .tor: "Tor"
        case .sharedEgress: "shared egress"
        case .specialPurpose: "private or special-purpose"
        case .relay: "privacy relay"
        default: kind.name
        }
    }

    /// `AS29465 MTN Nigeria, mobile`.
    static func provider(_ network: Network) -> String {
        var parts: [String] = []
        if network.asn != 0 { parts.append("AS\(network.asn)") }
        if !network.organization.isEmpty { parts.append(network.organization) }
        let kind = networkKind(network.kind)
        let name = parts.joined(separator: " ")
        return kind.isEmpty ? name : name.isEmpty ? kind : "\(name), \(kind)"
    }

    /// `Lagos, NG (within 20 km)`.
    static func place(_ place: Place) -> String {
        guard let radius = place.radiusKilometers, radius > 0, place.latitude != nil else {
            return place.label
        }
        return "\(place.label) (within \(count(radius)) km)"
    }

    /// The account, by its name where there is one.
    static func user(_ alert: Alert) -> String {
        if alert.userID.isEmpty, alert.userName.isEmpty { return "nobody in particular" }
        return alert.userName.isEmpty ? alert.userID : alert.userName
    }
}

extension Wording {
    /// One piece of evidence: `distance_km: 5421.3` as `distance`, `5,421 km`.
    static func evidence(_ evidence: Evidence) -> (label: String, value: String) {
        let name = evidence.name
        /// Units by the ending of the name; the longest first.
        for (ending, unit) in endings where name.hasSuffix(ending) && name.count > ending.count {
            guard let value = amount(evidence.value, unit: unit) else { break }
            return (label(name.dropLast(ending.count)), value)
        }
        let value =
            switch evidence.value {
            case .number(let value): number(value)
            // An AS number is a name: no separators.
            case .integer(let value): name.hasSuffix("asn") ? "AS\(value)" : count(value)
            case .text(let text): text.isEmpty ? "none" : text
            case .time(let time): time.humanReadable
            case .flag(let flag): flag ? "yes" : "no"
            }
        return (label(name[...]), value)
    }

    /// The evidence for a person: what comes as a pair `from_x` and `to_x` as one row with an arrow,
    /// coordinates left to the map and the JSON.
    static func rows(_ evidence: [Evidence]) -> [(label: String, value: String)] {
        let shown = evidence.filter { !$0.isCoordinate }
        // A name that comes twice cannot come from a rule; the first counts.
        let byName = Dictionary(shown.map { ($0.name, $0) }) { first, _ in first }
        var rows: [(label: String, value: String)] = []
        for item in shown {
            if item.name.hasPrefix("to_"), byName["from_" + item.name.dropFirst(3)] != nil {
                continue
            }
            var row = self.evidence(item)
            if item.name.hasPrefix("from_"), let end = byName["to_" + item.name.dropFirst(5)] {
                row.label = String(row.label.dropFirst(5))
                row.value = pair(item, end)
            } else if item.name == "stranger", case .text(let end) = item.value,
                let place = byName[end + "_place"]
            {
                row = ("suspicious end", self.evidence(place).value)
            }
            rows.append(row)
        }
        return rows
    }

    private static func pair(_ start: Evidence, _ end: Evidence) -> String {
        let (a, b) = (evidence(start).value, evidence(end).value)
        if case .time(let first) = start.value, case .time(let second) = end.value,
            first.day == second.day
        {
            return "\(a.dropLast(4)) → \(b.dropFirst(11))"  // the date and " UTC" once
        }
        return a == b ? "\(a), both" : "\(a) → \(b)"
    }

    private enum Unit {
        case plain(String)
        case seconds(Double)
        case degrees
    }

    private static let endings: [(String, Unit)] = [
        ("_km_h", .plain("km/h")), ("_kmh", .plain("km/h")), ("_km", .plain("km")),
        ("_minutes", .seconds(60)), ("_min", .seconds(60)), ("_hours", .seconds(3600)),
        ("_ms", .plain("ms")), ("_s", .seconds(1)), ("_days", .plain("days")),
        ("_percent", .plain("%")), ("_bytes", .plain("bytes")), ("_lat", .degrees),
        ("_lon", .degrees),
    ]

    private static func amount(_ value: Evidence.Value, unit: Unit) -> String? {
        let amount: Double
        switch value {
        case .number(let number): amount = number
        case .integer(let integer): amount = Double(integer)
        default: return nil
        }
        guard amount.isFinite else { return "–" }
        switch unit {
        case .plain(let unit):
            return "\(number(amount)) \(amount == 1 && unit == "days" ? "day" : unit)"
        case .seconds(let seconds): return duration(seconds: amount * seconds)
        case .degrees: return degrees(amount) + "°"
        }
    }

    /// Four decimals, like the JSON.
    static func degrees(_ value: Double) -> String {
        var bytes: [UInt8] = []
        bytes.append(jsonNumber: value, decimals: 4)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func label(_ name: Substring) -> String {
        String(name.map { $0 == "_" ? " " : $0 })
    }
}
