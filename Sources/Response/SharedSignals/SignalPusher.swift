public import SessionModel

/// Pushes what waits in the streams whose receivers asked for that (RFC 8935).
///
/// A stream's events go one after the other, in order; one that cannot be delivered now is tried
/// again with growing waits, and those behind it wait with it. Given up after the schedule's last try
/// (about three days): the event is then refused with `undeliverable`.
public final class SignalPusher: Sendable {
    /// Events of one stream in one round.
    static let roundLimit = 100

    private let store: SignalStore
    private let signer: SignalSigner
    private let allowsPrivate: Bool
    private let caFile: String?
    private let totalMilliseconds: Int
    private let client: HTTPClient
    private let schedule = RetrySchedule.standard

    public init(
        store: SignalStore, signer: SignalSigner, allowsPrivate: Bool = false,
        caFile: String? = nil, totalMilliseconds: Int = 20_000
    ) throws(ResponseError) {
        (self.store, self.signer) = (store, signer)
        (self.allowsPrivate, self.caFile) = (allowsPrivate, caFile)
        self.totalMilliseconds = totalMilliseconds
        client = try HTTPClient(limit: 4)
    }

    /// Throws `badSetting` for a URL that nothing can be pushed to.
    public static func check(_ url: String, allowsPrivate: Bool) throws(ResponseError) {
        _ = try SignalPush.origin(of: url, allowsPrivate: allowsPrivate)
    }

    /// One round over all streams. Returns how many events left a stream.
    ///
    /// - Parameter clock: wall time.
    @discardableResult
    public func run(
        clock: () -> Timestamp, shouldStop: () -> Bool = { false }
    ) throws(ResponseError) -> Int {
        var count = 0
        for stream in try store.streams() where stream.method == .push && stream.status == .enabled
        {
            count += try run(stream, clock: clock, shouldStop: shouldStop)
        }
        return count
    }

    private func run(
        _ stream: SignalStream, clock: () -> Timestamp, shouldStop: () -> Bool
    ) throws(ResponseError) -> Int {
        let (origin, isTLS) = try SignalPush.origin(
            of: stream.endpoint, allowsPrivate: allowsPrivate)
        let limits = HTTPLimits(
            addresses: AddressGuard(allowsPrivate: allowsPrivate, isEncrypted: isTLS),
            caFile: caFile, connectMilliseconds: min(5000, totalMilliseconds),
            totalMilliseconds: totalMilliseconds)
        var count = 0
        let waiting = try store.waiting(in: stream.id, limit: SignalPusher.roundLimit).events
        // The first one's time is everybody's, or an event could overtake one before it.
        guard let first = waiting.first, first.due <= clock() else { return 0 }
        for signal in waiting where !shouldStop() {
            guard let token = signer.token(signal.claims) else { return count }
            let answer = SignalPush.send(
                token, to: stream.endpoint, origin: origin, authorization: stream.authorization,
                client: client, limits: limits
            ).answer
            let now = clock()
            switch answer.outcome {
            case .done, .alreadySo, .notNeeded:
                try store.close(in: stream.id, acknowledged: [signal.event], at: now)
            case .refused, .failed:
                try store.close(
                    in: stream.id, acknowledged: [],
                    refused: [
                        signal.event: SignalError(
                            code: "refused", description: answer.detail)
                    ], at: now)
            case .retry:
                var random = SystemRandomNumberGenerator()
                guard
                    let wait = schedule.waitMilliseconds(
                        after: signal.attempts + 1, askedSeconds: answer.retryAfterSeconds,
                        random: &random)
                else {
                    try store.close(
                        in: stream.id, acknowledged: [],
                        refused: [
                            signal.event: SignalError(
                                code: "undeliverable", description: answer.detail)
                        ], at: now)
                    count += 1
                    continue
                }
                try store.postpone(
                    signal.event, in: stream.id, to: now.adding(milliseconds: wait))
                return count
            }
            count += 1
        }
        return count
    }
}
