#include "common/engines/kafka/import.h"

#include "common/engines/kafka/record.h"

namespace mesh::kafka {
namespace {

// Long enough for a partition to get another leader.
constexpr const char* kMessageTimeout = "60000";
constexpr int kReportMilliseconds = 100;

struct Reports {
  std::size_t missing = 0;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;  // the first one
};

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  auto& reports = *static_cast<Reports*>(message->_private);
  --reports.missing;
  if (reports.error == RD_KAFKA_RESP_ERR_NO_ERROR) reports.error = message->err;
}

}  // namespace

Result<std::unique_ptr<Import>> Import::open(Cluster& cluster) {
  const auto& options = cluster.options();
  std::unique_ptr<Import> import(new Import(cluster));
  import->handle_ = MESH_TRY(make_handle(
      options, RD_KAFKA_PRODUCER,
      {{"enable.idempotence", "true"},
       // What follows a record that failed does not overtake it.
       {"enable.gapless.guarantee", "true"},
       {"message.timeout.ms", kMessageTimeout},
       {"message.max.bytes", std::to_string(options.max_record_bytes + (64 << 10))},
       {"linger.ms", kLingerMilliseconds}},
      [](rd_kafka_conf_t* conf) { rd_kafka_conf_set_dr_msg_cb(conf, &on_delivery);
}));
return import;
}  // namespace mesh::kafka

Status Import::run(std::span<StoredRecord> records) {
  Reports reports;
  rd_kafka_resp_err_t refused = RD_KAFKA_RESP_ERR_NO_ERROR;
  for (StoredRecord& stored : records) {
    const Record record{
        {}, std::move(stored.key), std::move(stored.value), std::move(stored.headers)};
    const auto give = [&] {
      return produce(handle_.get(), record, cluster_.wire_name(stored.position.topic),
                     stored.position.partition, &reports, stored.time);
    };
    while ((refused = give()) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(handle_.get(), kReportMilliseconds);
    }
    if (refused != RD_KAFKA_RESP_ERR_NO_ERROR) break;
    ++reports.missing;
  }
  // All of them, also after an error: the reports are on this stack.
  while (reports.missing > 0) rd_kafka_poll(handle_.get(), kReportMilliseconds);
  if (refused == RD_KAFKA_RESP_ERR_NO_ERROR) refused = reports.error;
  if (refused == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return fail(error_of(refused, "take the records of another log"));
}

}  // namespace mesh::kafka
