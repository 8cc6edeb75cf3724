import Pipeline
import Publishing
import SessionModel

/// What a run says of lines that it refused: one line, so that a mail from cron stays short.
enum RefusalText {
    /// `60 of 60 lines refused; the first, a.ndjson line 41: not JSON at byte 1. …`; nil when nothing
    /// was refused.
    ///
    /// - Parameters:
    ///   - rejectsPath: the file that they were written to.
    ///   - isTooMany: more than `--max-rejects`.
    static func line(
        _ result: AnalysisResult, rejectsPath: String?, isTooMany: Bool = false
    ) -> String? {
        guard let first = result.firstReject else { return nil }
        let source = first.source == "-" ? "standard input" : first.source
        var reason = first.reason[...]
        while reason.last == "." { reason.removeLast() }
        return
            "\(result.summary.rejected) of \(counted(Int(clamping: result.lines), "line")) refused"
            + (isTooMany ? ", more than --max-rejects allows" : "")
            + "; the first, \(source) line \(first.line): \(reason). "
            + (rejectsPath.map { "They are in \($0)." } ?? "--rejects FILE keeps them.")
    }
}
