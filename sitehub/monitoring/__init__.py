"""What a Prometheus and a Grafana beside the hub need (监控), made from code: whom to scrape, alerts, a dashboard."""
