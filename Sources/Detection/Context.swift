import CSystem
import SessionModel

/// A sighting beside what its user's profile knows of it, before it is learned: where the facts stand.
/// -1: not known.
struct Context: BitwiseCopyable {
    private var places = ls_places()

    var device: Int { Int(places.at.0) }
    var network: Int { Int(places.at.1) }
    var provider: Int { Int(places.at.2) }
    var place: Int { Int(places.at.3) }
    var country: Int { Int(places.at.4) }
    var session: Int { Int(places.at.5) }
    var track: Int { Int(places.at.6) }
    var failures: Int { Int(places.at.7) }
    var habit: Int { Int(places.at.8) }

    /// One pass over the keys. (A key of nothing is nowhere: no fact has it.)
    init(_ x: StoredSighting, in profile: borrowing Profile) {
        var wanted = ls_keys(
            key: (
                x.device.rawValue, x.network.rawValue, x.provider.rawValue, x.place.rawValue,
                x.country.rawValue, x.session.rawValue, Context.trackKey(x).rawValue,
                x.network.under(.failures).rawValue, FactKey.hours.rawValue
            ))
        ls_find_facts(profile.keys.words, profile.keys.count, &wanted, &places)
    }

    /// The track that a sighting continues: its device's, or the one of sightings with no device.
    static func trackKey(_ x: StoredSighting) -> FactKey {
        FactKey(.track, x.device.isNone ? 1 : x.device.rawValue)
    }
}

// MARK: - Familiarity

extension Profile {
    /// Whether a fact was seen on enough days, or is the user's first of its kind, and no alert names
    /// it.
    func isFamiliar(_ fact: Fact, days: Int) -> Bool {
        fact.flags.contains(.suspect)
            ? Int(fact.days) > days + 2 && !fact.flags.contains(.condemned)
            : fact.flags.contains(.founding) || Int(fact.days) >= days
    }

    /// Whether a device is the user's as far as the past tells.
    func isRecognized(_ device: FactKey, days: Int) -> Bool {
        guard let fact = fact(device) else { return false }
        return isFamiliar(fact, days: days)
    }

    /// Whether the user was seen often from this network, or often at this place.
    func isWhereItUsesToBe(network: FactKey, place: FactKey, days: Int) -> Bool {
        if let fact = fact(network), isFamiliar(fact, days: days) { return true }
        guard let fact = fact(place) else { return false }
        return isFamiliar(fact, days: days)
    }

    /// How well known one end of a leg is, 0 through 9: device up to 4, network 3, place 2.
    ///
    /// What was first seen at the end itself (`time`) does not speak for it, unless it was the user's
    /// very first. The end with less is the stranger's.
    func familiarity(device: FactKey, network: FactKey, place: FactKey, at time: Int64) -> Int {
        func points(_ key: FactKey, _ familiar: Int, _ known: Int) -> Int {
            guard let fact = fact(key) else { return 0 }
            if fact.flags.contains(.suspect) { return 0 }
            if fact.flags.contains(.founding) || fact.days >= 2 { return familiar }
            return fact.first < time ? known : 0
        }
        return points(device, 4, 2) + points(network, 3, 1) + points(place, 2, 1)
    }
}

// MARK: - Ends

extension Profile {
    /// The sighting itself, as a finding keeps it.
    func end(_ x: StoredSighting) -> StoredEnd {
        var end = StoredEnd()
        end.time = x.time
        end.device = x.device
        end.session = x.session
        end.network = x.network
        end.address = x.address
        end.point = x.point
        end.asn = x.asn
        end.radius = x.radius
        end.country = x.countryCode
        end.kind = x.networkKind
        end.hasPlace = x.hasPlace
        end.recordText = x.recordText
        end.sessionText = x.sessionText
        end.deviceText = x.deviceText
        end.labelText = x.labelText
        end.cityText = x.cityText
        end.regionText = x.regionText
        end.organizationText = x.organizationText
        return end
    }

    /// The newest sighting of a track, put together from what is still known of it.
    func end(track: Fact) -> StoredEnd {
        var end = end(
            device: track.trackDevice, session: track.trackSession, network: track.trackNetwork,
            place: track.trackPlace)
        end.time = track.last
        end.point = track.point
        end.radius = track.trackRadius
        end.country = track.trackCountry
        end.hasPlace = true
        end.recordText = track.recordText
        return end
    }

    func end(device: FactKey, session: FactKey, network: FactKey, place: FactKey) -> StoredEnd {
        var end = StoredEnd()
        end.device = device
        end.session = session
        end.network = network
        if let fact = fact(device) {
            end.labelText = fact.labelText
            end.deviceText = fact.deviceText
        }
        if let fact = fact(session) { end.sessionText = fact.sessionText }
        if let fact = fact(network) {
            end.address = fact.address
            end.asn = fact.asn
            end.kind = fact.networkKind
            end.organizationText = fact.organizationText
        }
        if let fact = fact(place) {
            end.point = fact.point
            end.radius = fact.radius
            end.country = fact.country
            end.cityText = fact.cityText
            end.regionText = fact.regionText
            end.hasPlace = true
        }
        return end
    }
}
