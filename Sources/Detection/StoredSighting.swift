import SessionModel

/// A sighting as a profile remembers it: plain values, its texts in the profile's heap.
///
/// This is all that judgement reads, so that judging again from the tail gives what judging the
/// record itself gave.
struct StoredSighting: BitwiseCopyable, Sendable {
    var time: Int64
    /// What two copies of one record share.
    var recordKey: UInt64
    var device: FactKey
    var network: FactKey
    var provider: FactKey
    var place: FactKey
    var session: FactKey
    var address: IPAddress
    var point: GeoPoint
    var asn: UInt32
    var radius: UInt16
    var countryCode: CountryCode
    // Raw values, as a row from a damaged file may hold any byte; no padding, so that rows are the
    // same bytes in every run.
    private var eventCode: UInt8
    private var outcomeCode: UInt8
    private var authCode: UInt8
    private var networkCode: UInt8
    private var placeFlags: UInt8
    /// What is forgotten after its step; see `Judge.forget`.
    private var forgetsCode: UInt8 = 0
    private var spare16: UInt16 = 0
    /// What all users together tell of its source. May still change while it is in the tail.
    var source: SourceFacts
    /// Of client, operating system and form, where the user agent tells them; 0 when it does not.
    var clientHash: UInt32
    var recordText = TextRef.empty
    var sessionText = TextRef.empty
    var deviceText = TextRef.empty
    var labelText = TextRef.empty
    var cityText = TextRef.empty
    var regionText = TextRef.empty
    var organizationText = TextRef.empty
    /// Where the undo log stands after this sighting's step, counted from its beginning of old: see
    /// `Profile.undoBase`.
    var undoEnd: UInt32 = 0
    /// What of it a team's own rules count and show; see `CustomEvidence`. Empty: it fits none.
    var customText = TextRef.empty

    /// The keys and numbers of a sighting; the texts are added by the profile.
    init(_ sighting: UnsafePointer<Sighting>) {
        time = sighting.pointee.record.time.milliseconds
        recordKey = sighting.pointee.recordKey
        device =
            sighting.pointee.deviceHash == 0 ? .none : FactKey(.device, sighting.pointee.deviceHash)
        let address = sighting.pointee.record.address
        self.address = address
        if address.isNone {
            (network, provider) = (.none, .none)
        } else {
            let prefix = address.networkPrefix
            network = FactKey(.network, mix(prefix.high, prefix.low))
            provider = FactKey.provider(asn: sighting.pointee.place.asn, address)
        }
        point = sighting.pointee.place.point
        placeFlags =
            (sighting.pointee.place.hasPlace ? 1 : 0) | (sighting.pointee.place.isLocated ? 2 : 0)
        place =
            sighting.pointee.place.hasPlace
            ? FactKey(
                .place,
                mix(UInt64(point.latitude.bitPattern), UInt64(point.longitude.bitPattern)))
            : .none
        countryCode = sighting.pointee.place.country
        session =
            sighting.pointee.sessionHash == 0
            ? .none : FactKey(.session, sighting.pointee.sessionHash)
        asn = sighting.pointee.place.asn
        radius = sighting.pointee.place.radiusKilometers
        eventCode = sighting.pointee.record.event.rawValue
        outcomeCode = sighting.pointee.record.outcome.rawValue
        authCode = sighting.pointee.record.auth.rawValue
        source = sighting.pointee.source
        let client = sighting.pointee.client.key
        clientHash = client == 0 ? 0 : UInt32(truncatingIfNeeded: client &>> 16) | 1
        networkCode = sighting.pointee.place.kind.rawValue
        // Learned: the place of an address that half the company comes from says little of one. Where a
        // list or a database has a word for it, that holds.
        if source.isShared != 0, networkKind == .unknown {
            networkCode = NetworkKind.sharedEgress.rawValue
            placeFlags &= ~2
        }
    }

    var country: FactKey {
        countryCode.isNone ? .none : FactKey(.country, UInt64(countryCode.rawValue))
    }
    /// Hour of the day, UTC, 0 through 23.
    var hour: Int { Int((time / 3_600_000) % 24 + 24) % 24 }
    /// Days since 1970, UTC.
    var day: Int { Int(Timestamp(milliseconds: time).day) }
    var event: EventKind { EventKind(rawValue: eventCode) ?? .activity }
    var outcome: Outcome { Outcome(rawValue: outcomeCode) ?? .unknown }
    var auth: AuthMethod { AuthMethod(rawValue: authCode) ?? .unknown }
    var networkKind: NetworkKind { NetworkKind(rawValue: networkCode) ?? .unknown }
    var hasPlace: Bool { placeFlags & 1 != 0 }
    /// Coordinates that say where the person is.
    var isLocated: Bool { placeFlags & 2 != 0 }

    var forgets: Forgets {
        get { Forgets(rawValue: forgetsCode) }
        set { forgetsCode = newValue.rawValue }
    }

    /// Whether it shows the account in use, rather than somebody who failed to get in.
    var isUse: Bool { outcomeCode != Outcome.failure.rawValue }
}
