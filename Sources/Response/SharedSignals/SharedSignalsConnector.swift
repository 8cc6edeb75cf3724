public import SessionModel

/// How to tell others by Shared Signals.
public struct SharedSignalsOptions: Sendable {
    public enum Delivery: Sendable {
        /// To one receiver, at once (RFC 8935).
        case push(SignalReceiver)
        /// Into the file of streams, from which `lastseen-server` pushes, and lets receivers poll.
        case streams(String)
    }

    /// `iss`: an https URL without query or fragment.
    public var issuer: String
    public var userFormat: UserSubjectFormat
    /// The `iss` of a subject of the format `iss_sub`; the issuer's when nil.
    public var subjectIssuer: String?
    public var delivery: Delivery
    public var totalMilliseconds: Int

    public init(
        issuer: String, userFormat: UserSubjectFormat = .issuerAndSubject,
        subjectIssuer: String? = nil, delivery: Delivery, totalMilliseconds: Int = 20_000
    ) {
        self.issuer = issuer
        self.userFormat = userFormat
        self.subjectIssuer = subjectIssuer
        self.delivery = delivery
        self.totalMilliseconds = totalMilliseconds
    }
}

/// A receiver that events are pushed to.
public struct SignalReceiver: Sendable {
    public var url: String
    /// `aud`.
    public var audience: [String]
    /// The private key, in PEM.
    public var signingKey: SecretValue
    /// `kid`; the key's thumbprint (RFC 7638) when nil.
    public var keyID: String?
    /// The whole value of the header `authorization`.
    public var authorization: SecretValue?
    /// Whether the subject also stands in the event, as receivers of an older draft (Okta) want it.
    public var nestsSubject: Bool
    /// A file of certificates in PEM to trust, and no others; nil for the system's.
    public var caFile: String?
    /// Whether private and loopback addresses, and `http:` to them, are taken.
    public var allowsPrivate: Bool

    public init(
        url: String, audience: [String], signingKey: SecretValue, keyID: String? = nil,
        authorization: SecretValue? = nil, nestsSubject: Bool = false, caFile: String? = nil,
        allowsPrivate: Bool = false
    ) {
        self.url = url
        self.audience = audience
        self.signingKey = signingKey
        self.keyID = keyID
        self.authorization = authorization
        self.nestsSubject = nestsSubject
        self.caFile = caFile
        self.allowsPrivate = allowsPrivate
    }
}

/// Transmits Security Event Tokens of the OpenID Shared Signals Framework 1.0.
///
/// | step | event |
/// | --- | --- |
/// | notify, require step-up | CAEP `risk-level-change`, of the session if it is known, else of the user |
/// | log out the session | CAEP `session-revoked`, subject: the user and the session |
/// | log out everywhere | CAEP `session-revoked`, subject: the user |
/// | require a password change | RISC `account-credential-change-required` |
/// | suspend | RISC `account-disabled` (`hijacking`), undone by `account-enabled` |
///
/// An event states a fact, and its receiver decides what follows: have another connector do the step
/// where the session lives, or agree with the receivers that they act.
public final class SharedSignalsConnector: Connector {
    public let name: String

    private let options: SharedSignalsOptions
    private let maker: SecurityEventMaker
    private let delivery: Delivery

    private enum Delivery {
        case push(SignalReceiver, LazySigner, origin: String, HTTPClient, HTTPLimits)
        case streams(SignalStore)
    }

    /// Throws for a URL, key, file or limit that cannot be used. Calls nobody.
    public init(
        _ options: SharedSignalsOptions, name: String = "shared-signals"
    ) throws(ResponseError) {
        self.name = name
        self.options = options
        try SharedSignals.checkIssuer(options.issuer)
        guard (1...300_000).contains(options.totalMilliseconds) else {
            throw .badSetting(
                name: "the receiver's time limit in ms", value: String(options.totalMilliseconds),
                allowed: "1 to 300000")
        }
        maker = SecurityEventMaker(
            userFormat: options.userFormat,
            subjectIssuer: options.subjectIssuer ?? options.issuer)
        switch options.delivery {
        case .streams(let path): delivery = .streams(try SignalStore(path: path))
        case .push(let receiver):
            guard !receiver.audience.isEmpty,
                receiver.audience.allSatisfy({ (1...512).contains($0.utf8.count) })
            else {
                throw .badSetting(
                    name: "'audience'", value: receiver.audience.first ?? "",
                    allowed: "the name that the receiver goes by, as its URL")
            }
            let (origin, isTLS) = try SignalPush.origin(
                of: receiver.url, allowsPrivate: receiver.allowsPrivate)
            if let path = receiver.caFile { try requireReadable(path) }
            let signer = LazySigner(receiver.signingKey, keyID: receiver.keyID)
            // A program that tells a key is not run when the file is only read.
            if case .command = receiver.signingKey.origin {} else { _ = try signer.signer() }
            let limits = HTTPLimits(
                addresses: AddressGuard(
                    allowsPrivate: receiver.allowsPrivate, isEncrypted: isTLS),
                caFile: receiver.caFile,
                connectMilliseconds: min(5000, options.totalMilliseconds),
                totalMilliseconds: options.totalMilliseconds)
            delivery = .push(
                receiver, signer, origin: origin, try HTTPClient(limit: 4), limits)
        }
    }

    public var timeLimitSeconds: Int { (options.totalMilliseconds + 999) / 1000 + 1 }

    public var abilities: [Rung: ConnectorAbility] {
        SecurityEventMaker.types.mapValues { type in
            ConnectorAbility(
                survives: "what the receiver leaves: an event tells it, and it decides",
                isUndoable: type == .riskLevelChange || type == .accountDisabled)
        }
    }

    public func carryOut(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer {
        transmit(action, isUndone: false, at: now)
    }

    public func undo(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer? {
        switch SecurityEventMaker.types[action.kind] {
        case .riskLevelChange, .accountDisabled: transmit(action, isUndone: true, at: now)
        default: nil
        }
    }

    public func check(_ action: PlannedAction, at now: Timestamp) -> ConnectorAnswer? {
        guard case .streams(let store) = delivery else { return nil }
        do throws(ResponseError) {
            let fates = try store.fates(ofEvent: action.id)
            if let refusal = fates.first(where: { $0.state == .refused }) {
                return ConnectorAnswer(.refused, detail: SharedSignals.words(refusal))
            }
            guard !fates.isEmpty else { return nil }
            let count = fates.count { $0.state == .acknowledged }
            return ConnectorAnswer(
                .done, detail: "\(count) of \(fates.count) receivers have acknowledged it")
        } catch {
            return ConnectorAnswer(.retry, detail: plain("\(error)", limit: 199))
        }
    }

    public func rehearse(_ action: PlannedAction, at now: Timestamp) -> String? {
        do throws(SecurityEventMaker.Refusal) {
            let event = try maker.event(of: action, at: now)
            let kind = event.type.rawValue.split(separator: "/").last ?? ""
            guard case .streams(let store) = delivery else { return "would send \(kind)" }
            let count = (try? store.streams(wanting: event))?.count ?? 0
            return "would send \(kind) to \(count) \(count == 1 ? "stream" : "streams")"
        } catch {
            return plain(error.reason, limit: 199)
        }
    }

    /// Records what receivers said later of events that were done for us: an action whose event was
    /// refused becomes refused, in the journal too. Returns how many.
    @discardableResult
    public func settle(_ outbox: StoreOutbox, at now: Timestamp) throws(ResponseError) -> Int {
        guard case .streams(let store) = delivery else { return 0 }
        var count = 0
        for fate in try store.unsettledRefusals(limit: 1000) {
            if try outbox.refuse(fate.event, SharedSignals.words(fate), at: now) { count += 1 }
            try store.settle(fate)
        }
        return count
    }

    private func transmit(
        _ action: PlannedAction, isUndone: Bool, at now: Timestamp
    ) -> ConnectorAnswer {
        let event: SecurityEvent
        do throws(SecurityEventMaker.Refusal) {
            event = try maker.event(of: action, isUndone: isUndone, at: now)
        } catch {
            return ConnectorAnswer(.refused, detail: plain(error.reason, limit: 199))
        }
        do throws(ResponseError) {
            switch delivery {
            case .streams(let store):
                return try store.enqueue(event, issuer: options.issuer, at: now)
            case .push(let receiver, let signer, let origin, let client, let limits):
                let claims = event.claims(
                    issuer: options.issuer, audience: receiver.audience, at: now,
                    nestsSubject: receiver.nestsSubject)
                guard let token = try signer.signer().token(claims) else {
                    return ConnectorAnswer(.retry, detail: "libcrypto could not sign the event")
                }
                func send(_ authorization: String?) -> (ConnectorAnswer, isUnauthorized: Bool) {
                    SignalPush.send(
                        token, to: receiver.url, origin: origin, authorization: authorization,
                        client: client, limits: limits)
                }
                let known = try receiver.authorization?.text()
                let (answer, isUnauthorized) = send(known)
                // What was good may have been replaced meanwhile.
                guard isUnauthorized, let known,
                    let renewed = try receiver.authorization?.text(unless: known), renewed != known
                else { return answer }
                return send(renewed).0
            }
        } catch {
            return ConnectorAnswer(.retry, detail: plain("\(error)", limit: 199))
        }
    }
}

enum SharedSignals {
    /// SSF 1.0, 7.1: an https URL without query or fragment.
    static func checkIssuer(_ text: String) throws(ResponseError) {
        let isRight =
            text.hasPrefix("https://") && (9...512).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3F && $0 != 0x23 }
        guard isRight else {
            throw .badSetting(
                name: "'issuer'", value: text,
                allowed: "an https URL without query or fragment, as https://monitor.example.com")
        }
    }

    static func words(_ fate: SignalFate) -> String {
        plain(
            "\(fate.receiver) refused the event: \(fate.error)"
                + (fate.description.isEmpty ? "" : ": \(fate.description)"), limit: 199)
    }
}
