import Pipeline
import Publishing
import SessionModel

/// What a backtest came to, for people and for programs.
struct BacktestReport {
    var newName: String
    var new: Backtest.Run
    /// The rule that was changed; nil when whole folders are compared.
    var rule: String?
    var oldName = ""
    var old: Backtest.Run?
    var examples = 5

    init(newName: String, new: Backtest.Run, rule: String?) {
        (self.newName, self.new, self.rule) = (newName, new, rule)
    }

    private var difference: BacktestDifference? {
        old.map { BacktestDifference(old: $0.alerts, new: new.alerts) }
    }

    // MARK: - Text

    var text: String {
        var out =
            "\(counted(new.records, "record")) from \(new.first.rfc3339) to \(new.until.rfc3339)"
        if new.rejected > 0 { out += "; \(counted(new.rejected, "line")) refused" }
        out += ".\nCounted from \(new.from.rfc3339): \(decimal(new.days)) days, "
        out +=
            "some \(Int(new.users.rounded())) users; \(decimal(new.warmUpDays)) days before it to learn from.\n"
        if new.warmUpDays < 14 {
            out += wrapped(
                "With less than 14 days to learn from, many users and devices are new at the beginning: "
                    + "expect more alerts than later.", indent: 0)
        }
        out += "\n" + padded("", to: 40) + "  alerts   a day  per 1000 users and day\n"
        for (name, run) in sides { out += rows(name, run) }
        out += "\nAlerts a day\n"
        out += daily
        if let difference {
            out += "\nOnly with \(newName): \(difference.onlyInNew.count)\n"
            out += shown(difference.onlyInNew)
            out += "\nOnly with \(oldName): \(difference.onlyInOld.count)\n"
            out += shown(difference.onlyInOld)
            out +=
                "\nWith both: \(difference.inBoth), \(difference.changed.count) of them with another risk\n"
            for (old, new) in difference.changed.prefix(examples) {
                out += "  risk \(old.risk) becomes \(new.risk)\n" + shown([new])
            }
        } else if !new.alerts.isEmpty {
            out += "\nExamples\n" + shown(new.alerts)
        }
        return out
    }

    private var sides: [(String, Backtest.Run)] {
        [(newName, new)] + (old.map { [(oldName, $0)] } ?? [])
    }

    private func rows(_ name: String, _ run: Backtest.Run) -> String {
        var out = row(name, run, run.alerts.count)
        if let rule {
            out += row("  with rule \(rule)", run, run.alerts.count { $0.has(rule: rule) })
        }
        return out
            + (run.silenced > 0 ? "  and \(run.silenced) below the bar of --alert-risk\n" : "")
    }

    private func row(_ name: String, _ run: Backtest.Run, _ count: Int) -> String {
        let a = "\(count)"
        let b = decimal(Double(count) / run.days)
        let c = decimal(run.per1000UsersAndDay(count), digits: 2)
        return padded(name, to: 40) + left(a, 8) + left(b, 8) + left(c, 24) + "\n"
    }

    /// The alerts of each day of the longest run of days, with a bar for the eye.
    private var daily: String {
        var out = ""
        for (day, counts) in perDay {
            let bars = String(repeating: "#", count: min(50, counts.new))
            let before = old == nil ? "" : left("\(counts.old)", 6)
            out +=
                "  \(dayText(day))" + left("\(counts.new)", 6) + before
                + (bars.isEmpty ? "" : "  " + bars) + "\n"
        }
        return old == nil ? out : "              new   old\n" + out
    }

    private var perDay: [(day: Int32, counts: (new: Int, old: Int))] {
        var counts: [Int32: (new: Int, old: Int)] = [:]
        let (from, until) = (new.from.day, max(new.from.day, new.until.day))
        // A year at most is shown day by day.
        for day in max(from, until - 366)...until { counts[day] = (0, 0) }
        for alert in new.alerts { counts[alert.time.day]?.new += 1 }
        for alert in old?.alerts ?? [] { counts[alert.time.day]?.old += 1 }
        return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func shown(_ alerts: [Backtest.Raised]) -> String {
        // Those of the rule that is tried first, then the gravest.
        let chosen = alerts.enumerated().sorted { a, b in
            let (x, y) = (a.element, b.element)
            let (p, q) = (isWatched(x), isWatched(y))
            return p != q ? p : x.risk != y.risk ? x.risk > y.risk : a.offset < b.offset
        }.prefix(examples).map(\.element)
        var out = ""
        for alert in chosen {
            let who = alert.userName.isEmpty ? alert.userID : alert.userName
            out += "  \(alert.time.rfc3339)  \(alert.id)  risk \(alert.risk)  "
            out += "\(SafeText.visible(who, limit: 80))\n"
            out += wrapped(
                SafeText.visible(alert.sentence) + " (\(rulesText(alert)))", indent: 6)
        }
        return out
    }

    private func isWatched(_ alert: Backtest.Raised) -> Bool { rule.map(alert.has(rule:)) ?? false }

    private func rulesText(_ alert: Backtest.Raised) -> String {
        var seen: [String] = []
        for rule in alert.rules where !seen.contains(rule) { seen.append(rule) }
        return seen.joined(separator: ", ")
    }

    private func dayText(_ day: Int32) -> String {
        String(Timestamp(milliseconds: Int64(day) * 86_400_000).rfc3339.prefix(10))
    }

    private func left(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }

    private func decimal(_ value: Double, digits: Int = 1) -> String {
        let scale = digits == 1 ? 10.0 : 100
        let whole = Int((value * scale).rounded())
        let rest = "\(whole % Int(scale))"
        return "\(whole / Int(scale))." + String(repeating: "0", count: digits - rest.count) + rest
    }

    // MARK: - JSON

    var json: [UInt8] {
        var out: [UInt8] = []
        out.append(json: "{\"records\":")
        out.append(jsonInteger: new.records)
        out.append(json: ",\"rejected\":")
        out.append(jsonInteger: new.rejected)
        out.append(json: ",\"first\":")
        out.append(jsonTime: new.first)
        out.append(json: ",\"from\":")
        out.append(jsonTime: new.from)
        out.append(json: ",\"until\":")
        out.append(jsonTime: new.until)
        out.append(json: ",\"warm_up_days\":")
        out.append(jsonNumber: new.warmUpDays, decimals: 2)
        out.append(json: ",\"days\":")
        out.append(jsonNumber: new.days, decimals: 2)
        out.append(json: ",\"users\":")
        out.append(jsonInteger: Int(new.users.rounded()))
        out.append(json: ",\"new\":")
        side(newName, new, isOld: false, &out)
        if let old, let difference {
            out.append(json: ",\"old\":")
            side(oldName, old, isOld: true, &out)
            out.append(json: ",\"difference\":{\"only_in_new\":")
            list(difference.onlyInNew, &out)
            out.append(json: ",\"only_in_old\":")
            list(difference.onlyInOld, &out)
            out.append(json: ",\"in_both\":")
            out.append(jsonInteger: difference.inBoth)
            out.append(json: ",\"changed_risk\":[")
            for (i, pair) in difference.changed.enumerated() {
                if i > 0 { out.append(json: ",") }
                out.append(json: "{\"id\":")
                out.append(jsonString: pair.new.id)
                out.append(json: ",\"old_risk\":")
                out.append(jsonInteger: pair.old.risk)
                out.append(json: ",\"new_risk\":")
                out.append(jsonInteger: pair.new.risk)
                out.append(json: "}")
            }
            out.append(json: "]}")
        }
        out.append(json: "}\n")
        return out
    }

    private func side(
        _ name: String, _ run: Backtest.Run, isOld: Bool, _ out: inout [UInt8]
    ) {
        out.append(json: "{\"name\":")
        out.append(jsonString: name)
        out.append(json: ",\"alerts\":")
        out.append(jsonInteger: run.alerts.count)
        out.append(json: ",\"per_1000_users_and_day\":")
        out.append(jsonNumber: run.per1000UsersAndDay(run.alerts.count), decimals: 3)
        if let rule {
            let count = run.alerts.count { $0.has(rule: rule) }
            out.append(json: ",\"rule\":")
            out.append(jsonString: rule)
            out.append(json: ",\"rule_alerts\":")
            out.append(jsonInteger: count)
            out.append(json: ",\"rule_per_1000_users_and_day\":")
            out.append(jsonNumber: run.per1000UsersAndDay(count), decimals: 3)
        }
        out.append(json: ",\"silenced\":")
        out.append(jsonInteger: run.silenced)
        out.append(json: ",\"per_day\":[")
        for (i, entry) in perDay.enumerated() {
            if i > 0 { out.append(json: ",") }
            out.append(json: "{\"day\":")
            out.append(jsonString: dayText(entry.day))
            out.append(json: ",\"alerts\":")
            out.append(jsonInteger: isOld ? entry.counts.old : entry.counts.new)
            out.append(json: "}")
        }
        out.append(json: "],\"examples\":")
        list(Array(run.alerts.prefix(examples)), &out)
        out.append(json: "}")
    }

    private func list(_ alerts: [Backtest.Raised], _ out: inout [UInt8]) {
        out.append(json: "[")
        for (i, alert) in alerts.enumerated() {
            if i > 0 { out.append(json: ",") }
            out.append(json: "{\"id\":")
            out.append(jsonString: alert.id)
            out.append(json: ",\"time\":")
            out.append(jsonTime: alert.time)
            out.append(json: ",\"user\":")
            out.append(jsonString: alert.userID)
            out.append(json: ",\"risk\":")
            out.append(jsonInteger: alert.risk)
            out.append(json: ",\"rules\":[")
            for (k, rule) in alert.rules.enumerated() {
                if k > 0 { out.append(json: ",") }
                out.append(jsonString: rule)
            }
            out.append(json: "],\"sentence\":")
            out.append(jsonString: alert.sentence)
            out.append(json: "}")
        }
        out.append(json: "]")
    }
}
