from .data import ReportData as ReportData
from .page import write_report as write_report
