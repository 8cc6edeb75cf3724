import Glibc
import SessionModel

/// How unlike its user and how like anybody else a sighting is.
///
/// The score of Freeman, Jain, Dürmuth, Biggio and Giacinto, "Who Are You? A Statistical Approach to
/// Measuring User Authenticity" (NDSS 2016), as Wiefling, Jørgensen, Thunem and Lo Iacono used it
/// (TOPS 2022): the sum over features *k* of log₂ p(xₖ) / p(xₖ | user), features taken as independent,
/// with p(xₖ) from all users as of an hour that is past for good (`SourceFacts`) and p(xₖ | user) from
/// the user's own counts, smoothed towards p(xₖ) as if the user had been seen `smoothing` times more
/// (a Dirichlet prior; the paper's linear interpolation, eq. 9). The features:
///
/// - network: prefix, else provider, else country, each smoothed by the next (the paper's back-off);
/// - client: browser, operating system and form, whatever the version;
/// - device id: a stranger's is new (0.9) or copied (0.1); the user's is new as often as before;
/// - hour of the day: a stranger's is any (1/24).
///
/// In bits: 10 means a thousand times likelier for somebody else. *Possible*, *likely* and *certain*
/// from the limits on; only *possible* on a device whose id is the user's of old. Silent for a user's
/// first `learning_sightings`, and where device and network were both seen before.
/// - Blind spot: an intruder like the user; users with no habits.
public struct RiskScore: Sendable {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "possible_bits", unit: "bits", range: 0...64, default: 6,
            meaning: "From this score on it is noted."),
        ParameterSpec(
            "likely_bits", unit: "bits", range: 0...64, default: 12,
            meaning: "From this score on it is likely somebody else."),
        ParameterSpec(
            "certain_bits", unit: "bits", range: 0...64, default: 20,
            meaning: "From this score on it is hardly the user."),
        ParameterSpec(
            "smoothing", unit: "count", range: 0.1...1000, default: 2,
            meaning: "How many sightings of anybody count as much as what the user's own tell."),
        ParameterSpec(
            "learning_sightings", unit: "count", range: 1...1000, default: 8, isWhole: true,
            meaning: "A user's first sightings, this many, teach and do not alarm."),
    ]

    let possible: Double
    let likely: Double
    let certain: Double
    let smoothing: Double
    let learning: UInt32

    init(_ rule: DetectionRule) {
        possible = rule.limit("possible_bits")
        likely = rule.limit("likely_bits")
        certain = rule.limit("certain_bits")
        smoothing = rule.limit("smoothing")
        learning = UInt32(rule.limit("learning_sightings"))
    }

    /// The parts of a score, bits.
    struct Parts {
        var network = 0.0
        var client = 0.0
        var device = 0.0
        var hour = 0.0
        var sum: Double { network + client + device + hour }
    }

    func score(_ x: StoredSighting, _ context: Context, _ profile: borrowing Profile) -> Parts {
        let seen = Double(profile.tally.sightings)
        func count(_ fact: Int) -> Double {
            fact < 0 || profile.facts[fact].flags.contains(.suspect)
                ? 0 : Double(profile.facts[fact].count)
        }
        func smoothed(_ count: Double, _ prior: Double) -> Double {
            (count + smoothing * prior) / (seen + smoothing)
        }
        /// What is not known of all is as rare as one in 64.
        func share(_ rarity: UInt8) -> Double { rarity == 0 ? 1.0 / 64 : exp2(-Double(rarity)) }
        var parts = Parts()
        if !x.network.isNone {
            let country = share(x.source.countryRarity)
            let ownCountry = smoothed(count(context.country), country)
            if x.asn != 0 {
                let provider = min(share(x.source.providerRarity), country)
                let own = smoothed(
                    max(count(context.provider), count(context.network)),
                    ownCountry * provider / country)
                parts.network = log2(provider / own)
            } else {
                // A place is to its country as one in 64.
                let own = smoothed(
                    max(count(context.place), count(context.network)), ownCountry / 64)
                parts.network = log2(country / 64 / own)
            }
        }
        if x.clientHash != 0 {
            let client = share(x.source.clientRarity)
            parts.client = log2(
                client / smoothed(profile.sightings(ofClient: x.clientHash), client))
        }
        if x.device.isOfID, context.device >= 0 {
            // A thief of tokens may have copied the device's id too, one in ten say.
            parts.device = log2(0.1 / smoothed(count(context.device), 0.1))
        } else if x.device.isOfID {
            var devices = 0.5
            profile.forEach(.device) { i in
                if !profile.facts[i].flags.contains(.suspect) { devices += 1 }
            }
            parts.device = log2(0.9 / min(0.9, devices / (seen + 1)))
        }
        if context.habit >= 0 {
            // Three hours in 24 are a stranger's share of an hour and its neighbours.
            parts.hour = log2(3.0 / 24 / profile.facts[context.habit].shareOfHour(x.hour))
        }
        return parts
    }

    func examine(
        _ x: StoredSighting, _ context: Context, _ profile: borrowing Profile,
        into found: inout [StoredFinding]
    ) {
        guard !profile.isLearning(x, sightings: learning) else { return }
        // Most sightings are on a known device and network: no arithmetic for them.
        if context.network >= 0, context.device >= 0 || x.device.isNone { return }
        if profile.knowsDevice(x, context), profile.knowsNetwork(x, context) { return }
        let parts = score(x, context, profile)
        let sum = parts.sum
        guard sum >= possible else { return }
        // A traveller takes their devices along.
        let isOwnDevice = x.device.isOfID && profile.knowsDevice(x, context)
        var finding = profile.finding(
            .riskScore,
            sum >= certain && !isOwnDevice
                ? .certain : sum >= likely && !isOwnDevice ? .likely : .possible, x)
        finding.x = sum
        finding.y = parts.network
        finding.z = parts.client
        // In hundredths of a bit.
        finding.n = Int64((parts.device * 100).rounded())
        finding.m = Int64((parts.hour * 100).rounded())
        found.append(finding)
    }

    func describe(_ f: StoredFinding, _ text: FindingText) -> Description {
        let limits =
            switch Confidence(rawValue: f.confidence) {
            case .certain: "certain_bits and likely_bits"
            case .likely: "likely_bits"
            default: "possible_bits"
            }
        let times = f.x < 20 ? text.grouped(exp2(f.x)) : "a million"
        return Description(
            evidence: [
                Evidence("score_bits", .number(f.x)),
                Evidence("network_bits", .number(f.y)),
                Evidence("client_bits", .number(f.z)),
                Evidence("device_bits", .number(Double(f.n) / 100)),
                Evidence("hour_bits", .number(Double(f.m) / 100)),
                Evidence("likely_bits", .number(likely)),
                Evidence("certain_bits", .number(certain)),
            ] + text.whereabouts(f.here),
            silencedBy: f.x >= 63.9
                ? "enabled: false" : "\(limits) > \(text.oneDecimal(f.x + 0.1))",
            sentence:
                "Network, client, device and hour together are \(f.x < 20 ? "some " : "more than ")\(times)"
                + " times likelier for somebody else than for this user.")
    }
}

extension Profile {
    /// Sightings on the user's devices of this client, whichever their ids.
    func sightings(ofClient client: UInt32) -> Double {
        var sum = 0.0
        forEach(.device) { i in
            if facts[i].clientHash == client, !facts[i].flags.contains(.suspect) {
                sum += Double(facts[i].count)
            }
        }
        return sum
    }
}
