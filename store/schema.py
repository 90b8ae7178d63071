"""The tables of the SQLite store and the statements on them.

A viewing's table is ordered by day, then user, so that a batch, which tells of one or two days, touches
neighbouring pages and a window is one range; movies are numbers, whose ids stand once in `movie`.
"""

APPLICATION_ID = 0x4D415251
"""`PRAGMA application_id` of our files: "MARQ"."""

VERSION = 2
"""`PRAGMA user_version` of the tables below."""

TABLES = """
CREATE TABLE movie (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE
);
CREATE TABLE viewing (
    day INTEGER NOT NULL,
    user INTEGER NOT NULL,
    movie INTEGER NOT NULL,
    first_time INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    first_minute INTEGER NOT NULL,
    last_minute INTEGER NOT NULL,
    minutes INTEGER NOT NULL,
    seen BLOB NOT NULL,
    PRIMARY KEY (day, user, movie)
) WITHOUT ROWID;
CREATE INDEX viewing_by_user ON viewing (user, movie);
CREATE TABLE rating (
    time INTEGER NOT NULL,
    user INTEGER NOT NULL,
    movie INTEGER NOT NULL,
    rating REAL NOT NULL,
    PRIMARY KEY (time, user, movie, rating)
) WITHOUT ROWID;
CREATE INDEX rating_by_user ON rating (user, movie, time, rating);
CREATE TABLE request (
    time INTEGER NOT NULL,
    user INTEGER NOT NULL,
    digest BLOB NOT NULL,
    server TEXT NOT NULL,
    status INTEGER NOT NULL,
    millis INTEGER NOT NULL,
    movies BLOB NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (time, user, digest)
) WITHOUT ROWID;
CREATE TABLE quarantine (
    position TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    raw BLOB NOT NULL,
    size INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE newest (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    time INTEGER NOT NULL
);
CREATE TABLE model (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    UNIQUE (name, digest)
);
CREATE TABLE model_file (
    model INTEGER NOT NULL REFERENCES model,
    name TEXT NOT NULL,
    part INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (model, name, part)
);
CREATE TABLE route (
    number INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    models TEXT NOT NULL,
    action TEXT NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL
);
CREATE TABLE served (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    UNIQUE (name, digest)
);
CREATE TABLE answer (
    time INTEGER NOT NULL,
    user INTEGER NOT NULL,
    arm INTEGER NOT NULL,
    served INTEGER NOT NULL REFERENCES served,
    rung TEXT NOT NULL,
    movies BLOB NOT NULL,
    fresh TEXT NOT NULL,
    PRIMARY KEY (time, user)
) WITHOUT ROWID;
"""

JOB_TABLES = """
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE retrain (
    started INTEGER NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (started, name)
) WITHOUT ROWID;
CREATE TABLE evaluation (
    until INTEGER NOT NULL,
    experiment TEXT NOT NULL,
    since INTEGER NOT NULL,
    results TEXT NOT NULL,
    PRIMARY KEY (until, experiment)
);
CREATE TABLE checkpoint (
    name TEXT PRIMARY KEY,
    state BLOB NOT NULL
);
"""
"""What version 2 added."""

ADD_MOVIE = "INSERT INTO movie (id) VALUES (?) ON CONFLICT DO NOTHING"
MOVIES_FROM = "SELECT number, id FROM movie WHERE number >= ? ORDER BY number"

ADD_VIEWING = """
INSERT INTO viewing VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    first_time = min(first_time, excluded.first_time),
    last_time = max(last_time, excluded.last_time),
    first_minute = min(first_minute, excluded.first_minute),
    last_minute = max(last_minute, excluded.last_minute),
    minutes = size_of_union(seen, excluded.seen),
    seen = union_of(seen, excluded.seen)
"""
ADD_RATING = "INSERT INTO rating VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
ADD_REQUEST = "INSERT INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
ADD_QUARANTINED = "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?)"
ADVANCE_NEWEST = """
INSERT INTO newest SELECT 1, ?1 WHERE ?1 IS NOT NULL ON CONFLICT DO UPDATE SET time = max(time, excluded.time)
"""
QUARANTINED = "SELECT position, reason, raw, size FROM quarantine ORDER BY position"
RELEASE = "DELETE FROM quarantine WHERE position = ?"

WATCHES = """
SELECT user, movie, first_time, last_time, first_minute, last_minute, minutes FROM viewing
WHERE day BETWEEN ? AND ? AND first_time >= ? AND first_time < ?
"""
RATINGS = "SELECT user, movie, time, rating FROM rating WHERE time >= ? AND time < ?"
REQUESTS = """
SELECT user, time, server, status, millis, movies, error FROM request
WHERE time >= ?1 AND time < ?2 AND (?3 IS NULL OR user = ?3)
"""
LISTS = """
SELECT user, time, millis, digest, movies FROM request WHERE time >= ? AND time < ? AND status = 200
"""
SEEN_BY = """
SELECT group_concat(movie) FROM (
    SELECT movie FROM viewing WHERE user = ?1 UNION ALL SELECT movie FROM rating WHERE user = ?1
)
"""
WATCHED_BY = "SELECT movie, last_time, minutes FROM viewing WHERE user = ? AND movie = ?"
RATED_BY = "SELECT movie, time, rating FROM rating WHERE user = ? AND movie = ?"

ADD_MODEL = "INSERT INTO model (name, digest) VALUES (?, ?) ON CONFLICT DO NOTHING"
MODELS = "SELECT name, digest FROM model ORDER BY number"
MODEL_PARTS = "SELECT name, bytes FROM model_file WHERE model = ? ORDER BY name, part"
ROUTES = "SELECT number, time, models, action, who, why FROM route ORDER BY number"

ADD_SERVED = "INSERT INTO served (name, digest) VALUES (?, ?) ON CONFLICT DO NOTHING"
SERVED = "SELECT name, digest, number FROM served"
ADD_ANSWER = """
INSERT INTO answer (time, user, arm, served, rung, movies, fresh) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
ARMS = "SELECT user, time, arm, served FROM answer WHERE time >= ? AND time < ?"
ANSWERS = """
SELECT user, time, arm, name, digest, rung, movies, fresh
FROM answer JOIN served ON served.number = answer.served
WHERE time >= ?1 AND time < ?2 AND (?3 IS NULL OR user = ?3)
"""

LEASE = """
INSERT INTO lease VALUES (?1, ?2, ?4) ON CONFLICT DO UPDATE SET holder = ?2, until = ?4
WHERE holder = ?2 OR until <= ?3
"""
END_LEASE = "DELETE FROM lease WHERE name = ? AND holder = ?"
ADD_RETRAIN = "INSERT OR REPLACE INTO retrain VALUES (?, ?, ?)"
RETRAINS = "SELECT body FROM retrain ORDER BY started, name"
ADD_EVALUATION = "INSERT OR REPLACE INTO evaluation (experiment, since, until, results) VALUES (?, ?, ?, ?)"
EVALUATIONS = """
SELECT experiment, since, until, results FROM evaluation WHERE ?1 IS NULL OR experiment = ?1
ORDER BY until, experiment
"""
SAVE_CHECKPOINT = "INSERT OR REPLACE INTO checkpoint VALUES (?, ?)"
CHECKPOINT = "SELECT state FROM checkpoint WHERE name = ?"
