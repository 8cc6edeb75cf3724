import SessionModel

/// One end of a leg, or the sighting a finding is about, with all that an alert shows of it: what a
/// profile forgets later must not change an alert.
struct StoredEnd: BitwiseCopyable, Sendable {
    var time: Int64 = 0
    var device = FactKey.none
    var session = FactKey.none
    var network = FactKey.none
    var address = IPAddress.none
    var point = GeoPoint(checkedLatitude: 0, longitude: 0)
    var asn: UInt32 = 0
    var radius: UInt16 = 0
    var country = CountryCode.none
    private var kindCode = NetworkKind.unknown.rawValue
    private var placeFlag: UInt8 = 0
    private var spare: UInt16 = 0
    var recordText = TextRef.empty
    var sessionText = TextRef.empty
    var deviceText = TextRef.empty
    var labelText = TextRef.empty
    var cityText = TextRef.empty
    var regionText = TextRef.empty
    var organizationText = TextRef.empty

    init() {}

    var kind: NetworkKind {
        get { NetworkKind(rawValue: kindCode) ?? .unknown }
        set { kindCode = newValue.rawValue }
    }
    var hasPlace: Bool {
        get { placeFlag != 0 }
        set { placeFlag = newValue ? 1 : 0 }
    }

    /// The facts of its provider and its place, as `StoredSighting` names them.
    var providerKey: FactKey { FactKey.provider(asn: asn, address) }
    var placeKey: FactKey {
        hasPlace
            ? FactKey(
                .place, mix(UInt64(point.latitude.bitPattern), UInt64(point.longitude.bitPattern)))
            : .none
    }

    func digest(_ heap: Block<UInt8>) -> UInt64 {
        var value = UInt64(bitPattern: time)
        value = mix(value, device.rawValue)
        value = mix(value, session.rawValue)
        value = mix(value, network.rawValue)
        value = mix(value, address.high)
        value = mix(value, address.low)
        value = mix(value, pack(point.longitude.bitPattern, point.latitude.bitPattern))
        value = mix(value, UInt64(asn) << 32 | UInt64(radius) << 16 | UInt64(country.rawValue))
        value = mix(value, UInt64(kindCode) << 8 | UInt64(placeFlag))
        return mix(value, heap.text(recordText).hash(domain: HashDomain.record))
    }

    mutating func forEachText(_ visit: (inout TextRef) -> Void) {
        visit(&recordText)
        visit(&sessionText)
        visit(&deviceText)
        visit(&labelText)
        visit(&cityText)
        visit(&regionText)
        visit(&organizationText)
    }
}

/// A finding as a profile keeps it while its alert can still change.
struct StoredFinding: BitwiseCopyable, Sendable {
    /// The alert that it belongs to.
    var alert = FactKey.none
    var detector: UInt8 = 0
    var confidence: UInt8 = 0
    /// Which way it was met; the detector's business.
    var variant: UInt8 = 0
    private var suspectFlag: UInt8 = 0
    /// Which of a team's own rules, where the detector can have several: `DetectionRule.customHash`.
    var rule: UInt32 = 0
    /// In event time: of the sighting that decided it.
    var time: Int64 = 0
    /// The deciding sighting.
    var here = StoredEnd()
    /// The one before that it was compared with; its time is 0 when there was none.
    var there = StoredEnd()
    /// What the detector measured; see `Detector.describe`.
    var x: Double = 0
    var y: Double = 0
    var z: Double = 0
    var n: Int64 = 0
    var m: Int64 = 0

    init() {}

    /// Whether the suspect is the earlier end.
    var suspectIsEarlier: Bool {
        get { suspectFlag != 0 }
        set { suspectFlag = newValue ? 1 : 0 }
    }

    /// Over all that is shown of it; texts but the records' by the keys that they belong to.
    func digest(_ heap: Block<UInt8>) -> UInt64 {
        var value = mix(
            UInt64(detector) << 24 | UInt64(confidence) << 16 | UInt64(variant) << 8
                | UInt64(suspectFlag), UInt64(bitPattern: time))
        if rule != 0 { value = mix(value, UInt64(rule)) }
        value = mix(value, x.bitPattern)
        value = mix(value, y.bitPattern)
        value = mix(value, z.bitPattern)
        value = mix(value, UInt64(bitPattern: n))
        value = mix(value, UInt64(bitPattern: m))
        return mix(mix(value, here.digest(heap)), there.digest(heap))
    }

    var suspect: StoredEnd { suspectIsEarlier ? there : here }

    mutating func forEachText(_ visit: (inout TextRef) -> Void) {
        here.forEachText(visit)
        there.forEachText(visit)
    }
}

/// What was last said of an alert, so that only a change that matters is said again.
struct PublishedAlert: BitwiseCopyable, Sendable {
    var alertID: UInt64
    /// Of what a reader would act on.
    var digest: UInt64
    /// Of what a reader would act on.
    var gist: UInt64
    /// Of its newest finding.
    var time: Int64
    var revision: UInt32
    private var flags: UInt32 = 0

    init(alertID: UInt64, digest: UInt64, gist: UInt64, time: Int64, isSilenced: Bool) {
        (self.alertID, self.digest, self.gist) = (alertID, digest, gist)
        (self.time, revision) = (time, 1)
        self.isSilenced = isSilenced
    }

    var isRetracted: Bool {
        get { flags & 1 != 0 }
        set { flags = flags & ~1 | (newValue ? 1 : 0) }
    }

    /// Below the bar, so that nobody was told.
    var isSilenced: Bool {
        get { flags & 2 != 0 }
        set { flags = flags & ~2 | (newValue ? 2 : 0) }
    }

    /// A person said that it was an intruder.
    var isConfirmed: Bool {
        get { flags & 4 != 0 }
        set { flags = flags & ~4 | (newValue ? 4 : 0) }
    }
}
