# Stands for mongo where no registry is reached: FerretDB over SQLite. It speaks MongoDB's protocol, knows no
# replica sets and takes no write concern. Context: ferretdb, a static program.
FROM debian:bookworm-slim
RUN useradd --uid 999 --no-create-home mongodb && install -d -o mongodb -g mongodb /data/db /data/configdb
COPY ferretdb /usr/local/bin/
LABEL marquee.stands-for=mongo
USER mongodb
EXPOSE 27017
VOLUME /data/db
CMD ["ferretdb", "0.0.0.0:27017", "/data/db"]
