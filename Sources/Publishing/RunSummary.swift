/// What a run did, for its closing line and for programs.
public struct RunSummary: Sendable, Equatable {
    /// Records taken, without rejects and skipped ones.
    public var records: Int
    /// Lines refused, each with a reason in the rejects.
    public var rejected: Int
    /// Lines of other kinds than session records, passed over.
    public var skipped: Int
    /// Users that the run saw; 0 when it is not known, as some were let go of meanwhile.
    public var users: Int
    public var alertsOpened: Int
    public var alertsAmended: Int
    public var alertsRetracted: Int
    /// Below the bar: kept, and told to nobody.
    public var alertsSilenced: Int
    /// Explained or remedied by what came later.
    public var alertsClosed: Int
    /// Including those of a dry run.
    public var actionsPlanned: Int
    /// Wall time of the run.
    public var seconds: Double
    /// As `--budget` gave it; nil without one.
    public var budget: String?
    /// The least risk that the budget lets through by the newest record; nil while there is no bar.
    public var bar: Int?

    public init(
        records: Int = 0, rejected: Int = 0, skipped: Int = 0, users: Int = 0,
        alertsOpened: Int = 0, alertsAmended: Int = 0, alertsRetracted: Int = 0,
        alertsSilenced: Int = 0, alertsClosed: Int = 0, actionsPlanned: Int = 0, seconds: Double = 0
    ) {
        self.records = records
        self.rejected = rejected
        self.skipped = skipped
        self.users = users
        self.alertsOpened = alertsOpened
        self.alertsAmended = alertsAmended
        self.alertsRetracted = alertsRetracted
        self.alertsSilenced = alertsSilenced
        self.alertsClosed = alertsClosed
        self.actionsPlanned = actionsPlanned
        self.seconds = seconds
    }

    /// Nil when the time was too short to be measured.
    public var recordsPerSecond: Double? {
        seconds > 0 ? Double(records) / seconds : nil
    }

    /// One or two lines for a person, with the final newline.
    public func text(style: TextStyle = TextStyle()) -> String {
        var read = "Read \(Wording.plural(records, "record"))"
        if users > 0 { read += " of \(Wording.plural(users, "user"))" }
        read += " in \(Wording.duration(seconds: seconds))"
        if let rate = recordsPerSecond, records >= 1000 {
            read += " (\(Wording.count(Int(min(1e12, rate)))) a second)"
        }
        var bad: [String] = []
        if rejected > 0 { bad.append("\(Wording.plural(rejected, "line")) rejected") }
        if skipped > 0 { bad.append("\(Wording.plural(skipped, "line")) of other kinds skipped") }
        var found: [String] = []
        if alertsOpened > 0 { found.append("\(Wording.plural(alertsOpened, "alert")) opened") }
        if alertsAmended > 0 { found.append("\(Wording.count(alertsAmended)) amended") }
        if alertsRetracted > 0 { found.append("\(Wording.count(alertsRetracted)) retracted") }
        if alertsClosed > 0 { found.append("\(Wording.count(alertsClosed)) closed") }
        if alertsSilenced > 0 {
            found.append("\(Wording.count(alertsSilenced)) silenced, being of little risk")
        }
        if actionsPlanned > 0 {
            found.append("\(Wording.plural(actionsPlanned, "action")) planned")
        }
        var budgeted = ""
        if let budget {
            budgeted = " The bar that --budget \(SafeText.visible(budget, limit: 40)) sets is now "
            budgeted +=
                bar.map { "at risk \($0); from 90 up all is told." }
                ?? "not known: it takes a day of records."
        }
        let verdict = found.isEmpty ? "no alerts" : found.joined(separator: ", ")
        var page = TextPage(style: style)
        page.paragraph(([read] + bad).joined(separator: "; ") + ": " + verdict + "." + budgeted)
        return page.text
    }

    /// One line of JSON with its newline.
    public var json: [UInt8] {
        var out: [UInt8] = []
        let counts: [(StaticString, Int)] = [
            ("{\"records\":", records), (",\"rejected\":", rejected), (",\"skipped\":", skipped),
            (",\"users\":", users), (",\"alerts_opened\":", alertsOpened),
            (",\"alerts_amended\":", alertsAmended), (",\"alerts_retracted\":", alertsRetracted),
            (",\"alerts_closed\":", alertsClosed), (",\"alerts_silenced\":", alertsSilenced),
            (",\"actions_planned\":", actionsPlanned),
        ]
        for (key, count) in counts {
            out.append(json: key)
            out.append(jsonInteger: count)
        }
        if budget != nil {
            out.append(json: ",\"bar\":")
            if let bar { out.append(jsonInteger: bar) } else { out.append(json: "null") }
        }
        out.append(json: ",\"elapsed_s\":")
        out.append(jsonNumber: seconds, decimals: 3)
        out.append(json: ",\"records_per_s\":")
        if let recordsPerSecond {
            out.append(jsonNumber: recordsPerSecond, decimals: 1)
        } else {
            out.append(json: "null")
        }
        out.append(json: "}\n")
        return out
    }
}
