# Stands for apache/kafka where no registry is reached: Kafka's own jars from Maven Central on Debian's Java,
# configured by the same variables through Kafka's own KafkaDockerWrapper. Context: libs/ and kafka-run.
FROM debian:bookworm-slim
# the slim image has no man pages, which Java's package links to
RUN mkdir -p /usr/share/man/man1 && apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends openjdk-17-jre-headless \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --no-create-home appuser \
 && install -d -o appuser -g appuser /opt/kafka/config /opt/kafka/logs /var/lib/kafka/data /mnt/shared/config \
 && touch /opt/kafka/config/server.properties && chown appuser /opt/kafka/config/server.properties \
 && install -d /etc/kafka/docker
COPY libs /opt/kafka/libs
COPY kafka-run /etc/kafka/docker/run
LABEL marquee.stands-for=apache/kafka
USER appuser
EXPOSE 9092
VOLUME ["/var/lib/kafka/data", "/mnt/shared/config"]
CMD ["/etc/kafka/docker/run"]
