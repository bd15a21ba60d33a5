"""The gateway (网关): devices that speak HJ 212 over TCP, and Kafka behind it.

A frame is answered once the broker has it (acks=all), never before. A device that gets no answer sends again: so no
death of the gateway, no outage of Kafka and no lost line loses an upload.
"""
