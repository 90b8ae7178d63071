"""A real Kafka broker: Kafka's own jars from Maven Central, broker and controller (KRaft) in one."""

import base64
import uuid
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.servers import getting
from tests.servers.process import Server, free_port, listens

_RECIPE = Path(__file__).parent / "kafka"
_VERSION = "4.3.1"
_JVM = [
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
]
# A broker that was killed may register again only after its old session has ended: 9 s unless told otherwise.
# Messages carry their events' times, which may be years old: nothing is deleted by age.
_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
log.retention.ms=-1
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=1500
"""


def find() -> str:
    """What broker this machine has; MissingPartError where Java or the jars are not there."""
    getting.program("java")
    folder = getting.keep("kafka", _RECIPE)
    if not folder.exists():
        raise getting.MissingPartError(f"no jars in {folder}; `make test-real` fetches them")
    return f"Apache Kafka {_VERSION} from {folder}"


def get() -> None:
    """Fetch the jars, with Java and Maven from Debian where they are not there and we may install them."""
    try:
        getting.program("java")
        maven = getting.program("mvn")
    except getting.MissingPartError:
        getting.install("default-jre-headless", "maven")
        maven = getting.program("mvn")
    command = [maven, "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime"]
    folder = getting.keep("kafka", _RECIPE)
    getting.fill(folder, lambda jars: getting.run([*command, f"-DoutputDirectory={jars}"], _RECIPE))


class Broker:
    """A broker on loopback with its data in `folder`; the same address and data over all its starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._java = [getting.program("java"), *_JVM, "-cp", f"{getting.keep('kafka', _RECIPE)}/*"]
        self._settings = folder / "server.properties"
        command = [*self._java, "kafka.Kafka", str(self._settings)]
        self._server = Server(command, folder / "kafka.log", lambda: listens(self._port))
        self._format()

    def _format(self) -> None:
        text = _PROPERTIES.format(port=self._port, controller=free_port(), data=self._folder / "data")
        self._settings.write_text(text)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        settings = str(self._settings)
        getting.run([*self._java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", settings])

    @property
    def bootstrap(self) -> str:
        """HOST:PORT for clients."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start, or start again on the same data; nothing where it runs. ServerStartError as in Server."""
        self._server.start()

    def stop(self) -> None:
        """Shut down in good order."""
        self._server.stop()

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._server.kill()

    def make_topic(self, partitions: int = 1, name: str = "") -> str:
        """Make a topic, with a name of its own where none is given; its name."""
        topic = name or f"movielog-{uuid.uuid4().hex[:12]}"
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(30)
        return topic
