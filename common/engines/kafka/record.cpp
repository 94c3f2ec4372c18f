#include "common/engines/kafka/record.h"

namespace mesh::kafka {
namespace {

template <typename AnyRecord>
std::size_t bytes_of(const AnyRecord& record) {
  std::size_t size = record.key.size() + (record.value ? record.value->size() : 0);
  for (const auto& [name, value] : record.headers) size += name.size() + value.size();
  return size;
}

std::string text_of(const void* bytes, std::size_t size) {
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

}  // namespace

std::size_t size_of(const Record& record) { return bytes_of(record); }
std::size_t size_of(const StoredRecord& record) { return bytes_of(record); }

StoredRecord record_of(const rd_kafka_message_t& message, const std::string& topic) {
  StoredRecord record;
  record.position = {topic, message.partition, message.offset};
  rd_kafka_timestamp_type_t type;
  record.time = Timestamp(Duration(rd_kafka_message_timestamp(&message, &type)));
  record.key = text_of(message.key, message.key_len);
  if (message.payload != nullptr) record.value = text_of(message.payload, message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      record.headers.emplace_back(name, text_of(value, size));
    }
  }
  return record;
}

rd_kafka_resp_err_t produce(rd_kafka_t* producer, const Record& record,
                            const std::string& wire_topic, int partition, void* opaque,
                            std::optional<Timestamp> time) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
  for (const auto& [name, value] : record.headers) {
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  // It reads these only, since it copies.
  const auto bytes = [](const std::string& text) {
    return const_cast<void*>(static_cast<const void*>(text.data()));
  };
  void* key = record.key.empty() ? nullptr : bytes(record.key);
  void* value = record.value ? bytes(*record.value) : nullptr;
  const std::size_t size = record.value ? record.value->size() : 0;
  const std::int64_t timestamp = time ? time->time_since_epoch().count() : 0;  // 0: now
  const auto code = rd_kafka_producev(
      producer, RD_KAFKA_V_TOPIC(wire_topic.c_str()), RD_KAFKA_V_PARTITION(partition),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, record.key.size()),
      RD_KAFKA_V_VALUE(value, size), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(opaque),
      RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_END);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(headers);
  return code;
}

}  // namespace mesh::kafka
