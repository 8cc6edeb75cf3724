import SessionModel

/// The detectors whose rules are in force, each with its limits, and what their findings weigh.
///
/// A class, as its 1.6 kB would be copied with each use of a value.
final class Detectors: Sendable {
    /// By the detector's code.
    private let weights: InlineArray<32, DetectionRule.Weights?>
    /// Likewise, what alerts say of the rules.
    let words: InlineArray<32, RuleWords?>
    let travel: ImpossibleTravel?
    /// Measures legs where no rule asks, too.
    let journey: ImpossibleTravel
    let moved: SessionMoved?
    let device: UnrecognizedDevice?
    let country: NewCountry?
    let failures: FailuresThenSuccess?
    let concurrentPlaces: ConcurrentPlaces?
    let atypicalCountry: AtypicalCountry?
    let sharedDevice: SharedDevice?
    let sessionAfterLogout: SessionAfterLogout?
    let sessionTooOld: SessionTooOld?
    let anonymizingNetwork: AnonymizingNetwork?
    let newNetwork: NewNetwork?
    let hostingLogin: HostingLogin?
    let passwordSpray: PasswordSpray?
    let credentialStuffing: CredentialStuffing?
    let mfaFatigue: MFAFatigue?
    let loginAfterReset: LoginAfterReset?
    let dormantAccount: DormantAccount?
    let unusualHour: UnusualHour?
    let sensitiveChange: SensitiveChange?
    let riskScore: RiskScore?
    let activityBurst: ActivityBurst?
    /// A team's own rules; nil when there are none.
    let custom: CustomDetectors?

    init(_ rules: [DetectionRule]) {
        func rule(_ kind: DetectorKind) -> DetectionRule? {
            rules.first { $0.detector == kind }
        }
        weights = DetectorKind.allCases.reduce(into: InlineArray(repeating: nil)) { all, kind in
            all[Int(kind.code)] = rule(kind)?.weights
        }
        words = DetectorKind.allCases.reduce(into: InlineArray(repeating: nil)) { all, kind in
            all[Int(kind.code)] = rule(kind).map(RuleWords.init)
        }
        let weightless = DetectionRule.Weights(possible: 0, likely: 0, certain: 0)
        let anyTravel =
            rule(.impossibleTravel)
            ?? DetectionRule(
                id: "impossible-travel", title: "", severity: .high, detector: .impossibleTravel,
                weights: weightless, rung: .notify)
        travel = rule(.impossibleTravel).map(ImpossibleTravel.init)
        journey = ImpossibleTravel(anyTravel)
        moved = rule(.sessionMoved).map { SessionMoved($0, travel: ImpossibleTravel(anyTravel)) }
        device = rule(.unrecognizedDevice).map(UnrecognizedDevice.init)
        country = rule(.newCountry).map(NewCountry.init)
        failures = rule(.failuresThenSuccess).map(FailuresThenSuccess.init)
        concurrentPlaces = rule(.concurrentPlaces).map(ConcurrentPlaces.init)
        atypicalCountry = rule(.atypicalCountry).map(AtypicalCountry.init)
        sharedDevice = rule(.sharedDevice).map(SharedDevice.init)
        sessionAfterLogout = rule(.sessionAfterLogout).map(SessionAfterLogout.init)
        sessionTooOld = rule(.sessionTooOld).map(SessionTooOld.init)
        anonymizingNetwork = rule(.anonymizingNetwork).map(AnonymizingNetwork.init)
        newNetwork = rule(.newNetwork).map(NewNetwork.init)
        hostingLogin = rule(.hostingLogin).map(HostingLogin.init)
        passwordSpray = rule(.passwordSpray).map(PasswordSpray.init)
        credentialStuffing = rule(.credentialStuffing).map(CredentialStuffing.init)
        mfaFatigue = rule(.mfaFatigue).map(MFAFatigue.init)
        loginAfterReset = rule(.loginAfterReset).map(LoginAfterReset.init)
        dormantAccount = rule(.dormantAccount).map(DormantAccount.init)
        unusualHour = rule(.unusualHour).map(UnusualHour.init)
        sensitiveChange = rule(.sensitiveChange).map(SensitiveChange.init)
        riskScore = rule(.riskScore).map(RiskScore.init)
        activityBurst = rule(.activityBurst).map(ActivityBurst.init)
        custom = CustomDetectors(rules)
    }

    /// Judges a sighting by the facts before it.
    ///
    /// Each detector is asked only where there may be something for it to see: most sightings are of a
    /// known device on a known network, and twenty calls would cost more than all else about them.
    /// `watch` is told of each that was; `Unwatched` costs nothing.
    @inline(__always)
    func examine<Watch: DetectorWatch>(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile, isLearning: Bool,
        into found: inout [StoredFinding], watch: inout Watch
    ) {
        if x.isLocated {
            if let travel {
                watch.begin()
                travel.examine(x, context, profile, isLearning: isLearning, into: &found)
                watch.end(.impossibleTravel)
            }
            if let concurrentPlaces {
                watch.begin()
                concurrentPlaces.examine(x, context, profile, into: &found)
                watch.end(.concurrentPlaces)
            }
        }
        if context.session >= 0 {
            if let moved {
                watch.begin()
                moved.examine(x, context, profile, into: &found)
                watch.end(.sessionMoved)
            }
            if let sessionAfterLogout {
                watch.begin()
                sessionAfterLogout.examine(x, context, profile, into: &found)
                watch.end(.sessionAfterLogout)
            }
            if let sessionTooOld {
                watch.begin()
                sessionTooOld.examine(x, context, profile, into: &found)
                watch.end(.sessionTooOld)
            }
        } else if context.network < 0, !x.session.isNone, let sessionTooOld {
            watch.begin()
            sessionTooOld.examineBeginning(x, context, profile, into: &found)
            watch.end(.sessionTooOld)
        }
        if context.device < 0 {
            if let device {
                watch.begin()
                device.examine(x, context, profile, into: &found)
                watch.end(.unrecognizedDevice)
            }
        }
        if context.country < 0 {
            if let country {
                watch.begin()
                country.examine(x, context, profile, into: &found)
                watch.end(.newCountry)
            }
        } else if let atypicalCountry,
            x.time &- profile.facts[context.country].last > atypicalCountry.quiet
        {
            watch.begin()
            atypicalCountry.examine(x, context, profile, into: &found)
            watch.end(.atypicalCountry)
        }
        if context.network < 0 {
            if let newNetwork {
                watch.begin()
                newNetwork.examine(x, context, profile, into: &found)
                watch.end(.newNetwork)
            }
        }
        if context.network < 0 || context.device < 0 {
            if let riskScore {
                watch.begin()
                riskScore.examine(x, context, profile, into: &found)
                watch.end(.riskScore)
            }
        }
        switch x.networkKind {
        case .hosting: hostingLogin?.examine(x, context, profile, into: &found)
        case .vpn, .tor, .proxy, .relay:
            if let anonymizingNetwork {
                watch.begin()
                anonymizingNetwork.examine(x, context, profile, into: &found)
                watch.end(.anonymizingNetwork)
            }
        case .unknown, .residential, .mobile, .corporate, .satellite, .sharedEgress,
            .specialPurpose:
            break
        }
        if x.source.deviceUsers > 0 {
            if let sharedDevice {
                watch.begin()
                sharedDevice.examine(x, context, profile, into: &found)
                watch.end(.sharedDevice)
            }
        }
        if x.source.prefixFailures > 0 {
            if let passwordSpray {
                watch.begin()
                passwordSpray.examine(x, context, profile, into: &found)
                watch.end(.passwordSpray)
            }
        }
        if x.source.providerFailures > 0 {
            if let credentialStuffing {
                watch.begin()
                credentialStuffing.examine(x, context, profile, into: &found)
                watch.end(.credentialStuffing)
            }
        }
        if profile.tally.failedOnce {
            if let failures {
                watch.begin()
                failures.examine(x, context, profile, into: &found)
                watch.end(.failuresThenSuccess)
            }
            if let mfaFatigue {
                watch.begin()
                mfaFatigue.examine(x, context, profile, into: &found)
                watch.end(.mfaFatigue)
            }
        }
        if profile.tally.changedOnce {
            if let loginAfterReset {
                watch.begin()
                loginAfterReset.examine(x, context, profile, into: &found)
                watch.end(.loginAfterReset)
            }
        }
        if context.habit >= 0 {
            let habit = profile.facts[context.habit]
            if let dormantAccount, x.time &- habit.last > dormantAccount.quiet {
                watch.begin()
                dormantAccount.examine(x, context, profile, into: &found)
                watch.end(.dormantAccount)
            }
            if let unusualHour, !habit.isUsual(x.hour, share: unusualHour.share) {
                watch.begin()
                unusualHour.examine(x, context, profile, into: &found)
                watch.end(.unusualHour)
            }
            if let activityBurst,
                context.provider >= 0 && profile.facts[context.provider].isStay(at: x.time)
                    || !habit.isUsual(x.hour, share: activityBurst.share)
            {
                watch.begin()
                activityBurst.examine(x, context, profile, into: &found)
                watch.end(.activityBurst)
            }
        }
        if let sensitiveChange {
            watch.begin()
            sensitiveChange.examine(x, context, profile, into: &found)
            watch.end(.sensitiveChange)
        }
    }

    /// 0 when its rule is no longer in force.
    func weight(_ finding: StoredFinding) -> Double {
        guard let confidence = Confidence(rawValue: finding.confidence) else { return 0 }
        if finding.rule != 0 {
            return custom?.entry(finding.rule)?.rule.weights[confidence] ?? 0
        }
        return weights[Int(finding.detector & 31)]?[confidence] ?? 0
    }

    /// The words for a finding; nil when its rule is no longer in force.
    func describe(_ f: StoredFinding, _ text: FindingText) -> Description? {
        switch DetectorKind(code: f.detector) {
        case .impossibleTravel: travel?.describe(f, text)
        case .unrecognizedDevice: device?.describe(f, text)
        case .newCountry: country?.describe(f, text)
        case .sessionMoved: moved?.describe(f, text)
        case .failuresThenSuccess: failures?.describe(f, text)
        case .concurrentPlaces: concurrentPlaces?.describe(f, text)
        case .atypicalCountry: atypicalCountry?.describe(f, text)
        case .sharedDevice: sharedDevice?.describe(f, text)
        case .sessionAfterLogout: sessionAfterLogout?.describe(f, text)
        case .sessionTooOld: sessionTooOld?.describe(f, text)
        case .anonymizingNetwork: anonymizingNetwork?.describe(f, text)
        case .newNetwork: newNetwork?.describe(f, text)
        case .hostingLogin: hostingLogin?.describe(f, text)
        case .passwordSpray: passwordSpray?.describe(f, text)
        case .credentialStuffing: credentialStuffing?.describe(f, text)
        case .mfaFatigue: mfaFatigue?.describe(f, text)
        case .loginAfterReset: loginAfterReset?.describe(f, text)
        case .dormantAccount: dormantAccount?.describe(f, text)
        case .unusualHour: unusualHour?.describe(f, text)
        case .sensitiveChange: sensitiveChange?.describe(f, text)
        case .riskScore: riskScore?.describe(f, text)
        case .activityBurst: activityBurst?.describe(f, text)
        case .match, .threshold, .firstSeen: custom?.describe(f, text)
        case nil: nil
        }
    }
}
