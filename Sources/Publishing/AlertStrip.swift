import SessionModel

/// Bars of the alerts over time, stacked by severity.
struct AlertStrip {
    /// Most bars; a longer period takes more days a bar.
    static let barLimit = 92

    let digest: ReportDigest

    init(_ digest: ReportDigest) { self.digest = digest }

    private static let hour: Int64 = 3_600_000
    private static let day: Int64 = 24 * hour

    /// Length of a bar in milliseconds for a period: an hour up to two days, a day up to a quarter,
    /// then weeks and more.
    static func step(for period: ClosedRange<Timestamp>) -> Int64 {
        let span = period.upperBound.since(period.lowerBound)
        if span < 2 * day { return hour }
        // A period touches up to two bars more than its length in bars, rounded down.
        let whole = Int64(barLimit) - 2
        if span / day <= whole { return day }
        return max(7, span / ((whole + 1) * day) + 1) * day
    }

    func write(into html: inout HTMLWriter) {
        guard let period = digest.period, !digest.standing.isEmpty else { return }
        let step = Self.step(for: period)
        func index(_ time: Timestamp) -> Int {
            let inside = min(max(time, period.lowerBound), period.upperBound)
            return Int(inside.milliseconds / step - period.lowerBound.milliseconds / step)
        }
        let count = index(period.upperBound) + 1
        var bars = [[Int]](repeating: [0, 0, 0, 0, 0], count: count)
        for alert in digest.standing {
            bars[index(alert.time)][Int(alert.severity.rawValue) - 1] += 1
        }
        let most = max(1, bars.map { $0.reduce(0, +) }.max() ?? 1)
        // A single alert is not a tower.
        let top = max(4, most)
        html.markup("<section class=\"strip\"><h2>Alerts ")
        html.value(
            step == Self.hour
                ? "by hour"
                : step == Self.day
                    ? "by day" : step == 7 * Self.day ? "by week" : "by \(step / Self.day) days")
        html.markup(" <span class=\"q\">highest: ")
        html.value(Wording.count(most))
        html.markup("</span></h2>\n<svg viewBox=\"0 0 1000 118\" role=\"img\" aria-label=\"")
        html.value("\(Wording.plural(digest.standing.count, "alert")) over the period")
        html.markup("\">\n<line class=\"axis\" x1=\"0\" x2=\"1000\" y1=\"92.5\" y2=\"92.5\"/>\n")
        let pitch = 1000.0 / Double(count)
        let width = min(46, pitch * 0.72)
        for (bar, levels) in bars.enumerated() {
            let total = levels.reduce(0, +)
            guard total > 0 else { continue }
            let start = Timestamp(
                milliseconds: (period.lowerBound.milliseconds / step + Int64(bar)) * step)
            html.markup("<g><title>")
            html.value("\(label(start, step: step)): \(Wording.plural(total, "alert"))")
            html.markup("</title>")
            var y = 92.0
            for level in (0..<5).reversed() where levels[level] > 0 {
                let height = 84 * Double(levels[level]) / Double(top)
                y -= height
                html.markup("<rect class=\"f")
                html.value(level + 1)
                html.markup("\" x=\"")
                html.value(pitch * (Double(bar) + 0.5) - width / 2)
                html.markup("\" y=\"")
                html.value(y)
                html.markup("\" width=\"")
                html.value(width)
                html.markup("\" height=\"")
                html.value(max(0.5, height - 1))
                html.markup("\"/>")
            }
            html.markup("</g>\n")
        }
        labels(count: count, pitch: pitch, step: step, period: period, into: &html)
        html.markup("</svg></section>\n")
    }

    /// At most ten dates under the axis.
    private func labels(
        count: Int, pitch: Double, step: Int64, period: ClosedRange<Timestamp>,
        into html: inout HTMLWriter
    ) {
        let every = max(1, (count + 9) / 10)
        for bar in stride(from: 0, to: count, by: every) {
            let start = Timestamp(
                milliseconds: (period.lowerBound.milliseconds / step + Int64(bar)) * step)
            html.markup("<text class=\"tick\" text-anchor=\"middle\" y=\"110\" x=\"")
            html.value(min(974, max(26, pitch * (Double(bar) + 0.5))))
            html.markup("\">")
            html.value(label(start, step: step))
            html.markup("</text>\n")
        }
    }

    private func label(_ time: Timestamp, step: Int64) -> String {
        let text = time.rfc3339
        if step == Self.hour { return "\(text.dropFirst(11).prefix(5))" }
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let c = time.civil
        return "\(c.day) \(months[c.month - 1])"
    }
}
