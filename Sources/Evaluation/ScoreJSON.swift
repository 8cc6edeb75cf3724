import Publishing

extension Score {
    /// One JSON object, its keys always there and in one order. Shares are 0 through 1.
    public func json() -> [UInt8] {
        var out: [UInt8] = []
        out.append(json: "{\"users\":")
        out.append(jsonInteger: users)
        out.append(json: ",\"days\":")
        number(days, 2, &out)
        out.append(json: ",\"all\":")
        write(all, &out)
        out.append(json: ",\"kinds\":[")
        for (index, kind) in kinds.enumerated() {
            if index > 0 { out.append(json: ",") }
            write(kind, &out)
        }
        out.append(json: "],\"attempts\":")
        out.append(jsonInteger: attempts)
        out.append(json: ",\"standing_alerts\":")
        out.append(jsonInteger: standingAlerts)
        out.append(json: ",\"attempt_alerts\":")
        out.append(jsonInteger: attemptAlerts)
        out.append(json: ",\"false_alerts\":")
        out.append(jsonInteger: falseAlerts)
        out.append(json: ",\"false_per_1000_users_and_day\":")
        number(falsePer1000UsersAndDay, 4, &out)
        out.append(json: ",\"precision\":")
        number(precision, 4, &out)
        out.append(json: ",\"false_by_scenario\":[")
        for (index, entry) in scenarios.enumerated() {
            out.append(json: index > 0 ? ",{\"scenario\":" : "{\"scenario\":")
            out.append(jsonString: entry.scenario)
            out.append(json: ",\"count\":")
            out.append(jsonInteger: entry.count)
            out.append(json: ",\"per_1000_users_and_day\":")
            number(entry.per1000UsersAndDay, 4, &out)
            out.append(json: "}")
        }
        out.append(json: "],\"curve\":[")
        for (index, step) in curve.enumerated() {
            out.append(json: index > 0 ? ",{\"risk\":" : "{\"risk\":")
            out.append(jsonInteger: step.risk)
            out.append(json: ",\"recall\":")
            number(step.recall, 4, &out)
            out.append(json: ",\"right_session\":")
            number(step.rightSession, 4, &out)
            out.append(json: ",\"false_per_1000_users_and_day\":")
            number(step.falsePer1000UsersAndDay, 4, &out)
            out.append(json: ",\"precision\":")
            number(step.precision, 4, &out)
            out.append(json: "}")
        }
        out.append(json: "]}\n")
        return out
    }

    private func write(_ recall: Recall, _ out: inout [UInt8]) {
        out.append(json: "{\"kind\":")
        out.append(jsonString: recall.kind)
        out.append(json: ",\"takeovers\":")
        out.append(jsonInteger: recall.takeovers)
        out.append(json: ",\"caught\":")
        out.append(jsonInteger: recall.caught)
        out.append(json: ",\"recall\":")
        number(recall.share, 4, &out)
        out.append(json: ",\"caught_with_session\":")
        out.append(jsonInteger: recall.withSession)
        out.append(json: ",\"right_session\":")
        out.append(jsonInteger: recall.rightSession)
        out.append(json: ",\"named_session\":")
        out.append(jsonInteger: recall.namedSession)
        out.append(json: ",\"median_s\":")
        number(recall.medianSeconds, 1, &out)
        out.append(json: ",\"p90_s\":")
        number(recall.ninetiethSeconds, 1, &out)
        out.append(json: "}")
    }

    private func number(_ value: Double?, _ decimals: Int, _ out: inout [UInt8]) {
        guard let value else { return out.append(json: "null") }
        out.append(jsonNumber: value, decimals: decimals)
    }
}
