import Publishing
import Response
import SessionModel

/// What became of actions, in words.
enum ResponseText {
    /// `log-out-session of session s1 (ann)`.
    static func name(_ action: PlannedAction) -> String {
        let who = action.userName.isEmpty ? action.userID : action.userName
        let user = action.sessionID.isEmpty ? "" : " of \(SafeText.visible(who, limit: 100))"
        return "\(action.kind.name): \(SafeText.visible(action.target, limit: 300))\(user)"
    }

    /// One line about an action that a run touched.
    static func line(_ line: ApplyReport.Line) -> String {
        let detail = line.detail.isEmpty ? "" : ": \(SafeText.visible(line.detail))"
        let next = line.nextTry.map { ", tried again from \($0.humanReadable) on" } ?? ""
        return "\(name(line.action)): \(line.action.state.rawValue)\(detail)\(next)"
    }

    /// How many actions were left, and why: a line each.
    static func waiting(_ report: ApplyReport) -> [String] {
        WaitReason.allCases.compactMap { reason in
            report.waiting[reason].map { "\(counted($0, "action")) left: \(reason.rawValue)" }
        }
    }

    /// Only what a person should know of: nothing when all went well.
    static func troubles(_ report: ApplyReport) -> [String] {
        let bad: Set<ActionState> = [.refused, .failed, .dead, .unknown, .retrying, .unanswered]
        let lines = report.lines.filter { bad.contains($0.action.state) }.map(line)
        let expected: Set<WaitReason> = [.notDue, .order]
        var left = report
        left.waiting = left.waiting.filter { !expected.contains($0.key) }
        let all = lines + waiting(left)
        return all.isEmpty
            ? [] : all + ["nothing of it is lost: 'lastseen respond status' shows the outbox"]
    }
}
