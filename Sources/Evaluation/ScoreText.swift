import Publishing

extension Score {
    /// Tables for a terminal of 90 columns.
    public func text() -> String {
        var text =
            "\(Wording.count(users)) users, \(Wording.number(days)) days:"
            + " \(Wording.count(all.takeovers)) takeovers, \(Wording.count(attempts)) attempts that"
            + " got nowhere; \(Wording.count(standingAlerts)) alerts stand\n\n"
        text += row("Attack", ["takeovers", "caught", "recall", "right session", "median", "90 %"])
        for kind in kinds { text += line(kind) }
        text += line(all) + "\n"
        text += "Times run from an attack's first record to the first alert that has it.\n\n"
        text += row("False alerts", ["count", "per 1000 users and day"], [8, 24])
        for entry in scenarios {
            text += row(
                SafeText.visible(entry.scenario, limit: 30),
                [Wording.count(entry.count), fixed(entry.per1000UsersAndDay, 2)], [8, 24])
        }
        text += row(
            "all", [Wording.count(falseAlerts), fixed(falsePer1000UsersAndDay, 2)], [8, 24])
        text +=
            "\nPrecision \(percent(precision)): \(Wording.count(standingAlerts - falseAlerts)) of"
            + " \(Wording.count(standingAlerts)) alerts are about an attack"
            + " (\(Wording.count(attemptAlerts)) of them about one that got nowhere).\n\n"
        let widths = [8, 15, 24, 11]
        text += row(
            "Risk at least", ["recall", "right session", "false/1000 users/day", "precision"],
            widths)
        for step in curve {
            text += row(
                String(step.risk),
                [
                    percent(step.recall), percent(step.rightSession),
                    fixed(step.falsePer1000UsersAndDay, 2), percent(step.precision),
                ], widths)
        }
        return text
    }

    private func line(_ kind: Recall) -> String {
        row(
            SafeText.visible(kind.kind, limit: 30),
            [
                Wording.count(kind.takeovers), Wording.count(kind.caught), percent(kind.share),
                percent(
                    kind.withSession == 0
                        ? nil : Double(kind.rightSession) / Double(kind.withSession)),
                kind.medianSeconds.map { Wording.duration(seconds: $0) } ?? "–",
                kind.ninetiethSeconds.map { Wording.duration(seconds: $0) } ?? "–",
            ])
    }

    private func row(
        _ name: String, _ cells: [String], _ widths: [Int] = [10, 8, 8, 15, 13, 13]
    ) -> String {
        var line = name + String(repeating: " ", count: max(0, 30 - name.count))
        for (cell, width) in zip(cells, widths) {
            line += String(repeating: " ", count: max(1, width - cell.count)) + cell
        }
        return line + "\n"
    }

    /// One decimal: the difference between 96.9 and 97.1 is worth showing.
    func percent(_ share: Double?) -> String { share.map { "\(fixed($0 * 100, 1)) %" } ?? "–" }

    func fixed(_ value: Double, _ decimals: Int) -> String {
        var bytes: [UInt8] = []
        bytes.append(jsonNumber: value, decimals: decimals)
        return String(decoding: bytes, as: UTF8.self)
    }
}
